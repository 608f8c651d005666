// Which way of reading the socket tables is to be used, given which ones failed and when. Pure.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "drain/result.h"
#include "drain/socket.h"
#include "drain/time.h"

namespace drainbow {

class MethodChoice {
 public:
  // A method that failed is tried again after so long.
  explicit MethodChoice(std::chrono::seconds retry_after) : retry_after_(retry_after) {}

  // The methods worth trying now, best first: all but those that failed lately. The last resort,
  // /proc, is always among them.
  std::vector<SampleMethod> to_try(TimePoint now) const;

  // True once it worked and did not fail since: no trial is needed.
  bool proven(SampleMethod method) const;

  void worked(SampleMethod method);
  void failed(SampleMethod method, Error why, TimePoint now);

  // What keeps the methods that are better than `used` from use; empty when nothing does.
  std::string why_not_better_than(SampleMethod used) const;

  // What failed, of all methods; for the case that none works.
  std::string failures() const;

 private:
  struct Failure {
    Error why;
    TimePoint at;
  };
  struct Record {
    SampleMethod method;
    bool proven = false;
    std::optional<Failure> failure;
  };
  Record& record(SampleMethod method);

  std::chrono::seconds retry_after_;
  // Best first.
  std::array<Record, 3> records_ = {Record{SampleMethod::kDump, false, std::nullopt},
                                    Record{SampleMethod::kDumpTwoPass, false, std::nullopt},
                                    Record{SampleMethod::kProc, false, std::nullopt}};
};

}  // namespace drainbow
