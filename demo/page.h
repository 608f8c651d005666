// What color-server answers over HTTP. Pure: a request in, a response out.
#pragma once

#include <string>
#include <string_view>

#include "demo/color.h"
#include "http/server.h"

namespace drainbow::demo {

// "The color is #a1b2c3\n": the plain text over HTTP, and each line over TCP.
std::string color_line(Color color);

// Whether an Accept header names text/html itself and likes it no less than text/plain. Browsers
// do; curl's */* does not.
bool prefers_html(std::string_view accept);

// The page, full screen in the color. Any name will do: it is escaped.
std::string html_page(Color color, std::string_view pod_name);

// / and /healthz; 404 for the rest. The server has refused what is neither GET nor HEAD.
http::Response answer(const http::Request& request, Color color, std::string_view pod_name);

}  // namespace drainbow::demo
