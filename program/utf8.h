// Text from outside, made fit to be shown: file contents, flags, names.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace drainbow::program {

// Length of the UTF-8 sequence that the text starts with (RFC 3629, 4); 0 if there is none.
std::size_t utf8_length(std::string_view text);

// The text with U+FFFD for every byte that is not part of a UTF-8 sequence. JSON must be UTF-8
// (RFC 8259, 8.1).
std::string valid_utf8(std::string_view text);

}  // namespace drainbow::program
