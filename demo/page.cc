#include "demo/page.h"

#include <charconv>
#include <utility>

namespace drainbow::demo {
namespace {

// {name}s are replaced. Everything is inline: the page loads nothing else.
constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="theme-color" content="#{color}">
<title>#{color}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%23{color}'/%3E%3C/svg%3E">
<style>
  html { height: 100%; background: #{color}; color: #{text}; }
  body {
    min-height: 100%; margin: 0; box-sizing: border-box; padding: 5vmin;
    display: grid; grid-template-rows: 1fr auto;
    font: 400 clamp(1rem, 2.4vmin, 1.5rem)/1.5 system-ui, -apple-system, "Segoe UI", sans-serif;
  }
  main { align-self: center; text-align: center; }
  p { margin: 0; }
  main p { font-size: 1.6em; }
  h1 {
    margin: 0.1em 0 0; line-height: 1.1; letter-spacing: -0.02em; font-weight: 700;
    font-size: min(15vw, 40vh);
    font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, "DejaVu Sans Mono", monospace;
  }
  footer {
    display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.25em 2em;
    padding-top: 1em; border-top: 1px solid;
  }
  code { font-family: ui-monospace, Menlo, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
</style>
</head>
<body>
<main><p>The color is</p><h1>#{color}</h1></main>
<footer><p>served by <code>{pod}</code></p><p>drainbow</p></footer>
</body>
</html>
)";

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Cuts off and returns what precedes the separator: all of it where there is none.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return trim(part);
}

// The weight that an Accept header (RFC 9110, 12.5.1) gives to exactly this media type; 0 where it
// is not named or the weight is not a number.
double weight_of(std::string_view accept, std::string_view media_type) {
  while (!accept.empty()) {
    std::string_view range = next_part(accept, ',');
    if (next_part(range, ';') != media_type) continue;
    while (!range.empty()) {
      const std::string_view parameter = next_part(range, ';');
      if (!parameter.starts_with("q=")) continue;
      double weight = 0;
      std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), weight);
      return weight;
    }
    return 1;
  }
  return 0;
}

http::Response color_answer(std::string_view accept, Color color, std::string_view pod_name) {
  http::Response response;
  response.headers["Vary"] = "Accept";
  if (prefers_html(accept)) {
    response.content_type = "text/html; charset=utf-8";
    response.headers["Content-Security-Policy"] =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    response.body = html_page(color, pod_name);
  } else {
    response.body = color_line(color);
  }
  return response;
}

}  // namespace

std::string color_line(Color color) { return "The color is #" + color.hex() + "\n"; }

bool prefers_html(std::string_view accept) {
  const double html = weight_of(accept, "text/html");
  return html > 0 && html >= weight_of(accept, "text/plain");
}

std::string html_page(Color color, std::string_view pod_name) {
  std::string page = replace_all(std::string(kPage), "{color}", color.hex());
  page = replace_all(std::move(page), "{text}", text_color_on(color).hex());
  return replace_all(std::move(page), "{pod}", escape_html(pod_name));
}

http::Response answer(const http::Request& request, Color color, std::string_view pod_name) {
  http::Response response;
  if (request.path == "/") return color_answer(request.accept, color, pod_name);
  if (request.path == "/healthz") {
    response.body = "ok\n";
  } else {
    response.status = 404;
    response.body = "not found: here are / and /healthz\n";
  }
  return response;
}

}  // namespace drainbow::demo
