// How far a watched view can be trusted: when it was last proven current, and since when nothing
// follows it. Pure; every instant is an argument.
//
// A list with resourceVersion unset is read consistently (kubernetes.io/docs, "Kubernetes API
// Concepts"): it is as of some instant after it was asked for. A change or a bookmark proves that
// the view was current when it came. An open watch in which nothing comes proves nothing.
#pragma once

#include <optional>
#include <string>

#include "drain/time.h"

namespace drainbow::kube {

class WatchHealth {
 public:
  // After a resumed watch has opened, what was missed meanwhile comes at once; so long the view is
  // not taken for followed again.
  static constexpr Millis kCatchUp{1'000};
  // A view whose last proof is older is listed anew instead of followed further: resuming proves
  // nothing until the next bookmark, and those come a minute apart.
  static constexpr Millis kResumable{60'000};

  // All pages of a list have come; the first was asked for at `asked`.
  void on_list(TimePoint asked);
  // The watch is open.
  void on_open(TimePoint now);
  // A change has come. While catching up it is one of those missed, and proves nothing.
  void on_change(TimePoint now);
  // A bookmark has come: all changes up to it were sent.
  void on_bookmark(TimePoint now);
  // The watch has ended, or could not be begun, or the list failed. `why` is for people.
  void on_end(TimePoint now, std::string why);

  // Whether a view is there and fresh enough to be followed from where it was left.
  bool resumable(TimePoint now) const;

  std::optional<TimePoint> proven_at() const { return proven_at_; }
  // Nothing while the view is followed.
  std::optional<TimePoint> broken_since(TimePoint now) const;
  // Why it is not followed; empty while it is.
  std::string problem(TimePoint now) const;

 private:
  void prove(TimePoint at);

  std::optional<TimePoint> proven_at_;
  std::optional<TimePoint> broken_since_;
  std::optional<TimePoint> reopened_at_;  // while catching up
  std::string problem_;
};

}  // namespace drainbow::kube
