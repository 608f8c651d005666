# The images of drainbow: `make image`, or by hand with docker (BuildKit), podman or buildah:
#   docker build --target drainbow -t NAME:TAG .
#   docker build --target demo --build-arg COLOR=12e034 -t NAME:TAG .
#
# drainbow  /drainbow-agent, the entry point, and /drainbow-probe
# demo      /color-server
#
# Neither has a shell, a package manager or a user that is root: a program, the shared libraries
# that it loads, and nothing else. No CA bundle either: the API server's certificate comes with the
# service account.

ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
WORKDIR /drainbow
COPY tools/install_deps.sh tools/
RUN tools/install_deps.sh build \
 && apt-get install -y --no-install-recommends ccache make > /dev/null \
 && rm -rf /var/lib/apt/lists/*
COPY . .
ENV CCACHE_DIR=/ccache
# The color is not known here, so that this layer, and with it the agent's image, is the same for
# every color.
RUN --mount=type=cache,target=/ccache make PROGRAMS='drainbow-agent drainbow-probe'
RUN tools/program_root.sh /root-drainbow \
      build/release/bin/drainbow-agent build/release/bin/drainbow-probe

FROM scratch AS drainbow
LABEL org.opencontainers.image.title="drainbow" \
      org.opencontainers.image.description="Tells when a pod of a rainbow deploy is drained" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /root-drainbow /
# A number, since kubelet cannot check a name against runAsNonRoot.
USER 65532:65532
# An image whose program cannot start shall not come to be.
RUN ["/drainbow-agent", "--version"]
EXPOSE 9911
ENTRYPOINT ["/drainbow-agent"]

FROM build AS build-demo
ARG COLOR
RUN --mount=type=cache,target=/ccache make COLOR="$COLOR" PROGRAMS=color-server
RUN tools/program_root.sh /root-demo build/release/bin/color-server

FROM scratch AS demo
LABEL org.opencontainers.image.title="drainbow demo" \
      org.opencontainers.image.description="Shows the color of the commit that it was built from" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build-demo /root-demo /
USER 65532:65532
RUN ["/color-server", "--version"]
EXPOSE 8080 8081 9090
ENTRYPOINT ["/color-server"]
