// The files that the agent reads: its own state, which a crash may have torn, and the pod's labels.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/labels_file.h"
#include "agent/state_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)drainbow::decode_labels(text);
  const drainbow::Result<drainbow::SavedState> state = drainbow::decode_state(text);
  if (state) {
    const drainbow::Result<drainbow::SavedState> again =
        drainbow::decode_state(drainbow::encode_state(*state));
    if (!again || !(*again == *state)) std::abort();
  }
  return 0;
}
