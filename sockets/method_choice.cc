#include "sockets/method_choice.h"

#include <algorithm>

namespace drainbow {
namespace {

void append(std::string& text, SampleMethod method, const Error& why) {
  if (!text.empty()) text += "; ";
  text += why.wrap(to_string(method)).message;
}

}  // namespace

std::vector<SampleMethod> MethodChoice::to_try(TimePoint now) const {
  std::vector<SampleMethod> methods;
  for (const Record& record : records_) {
    const bool failed_lately = record.failure && now - record.failure->at < retry_after_;
    if (!failed_lately || record.method == SampleMethod::kProc) methods.push_back(record.method);
  }
  return methods;
}

bool MethodChoice::proven(SampleMethod method) const {
  return std::ranges::find(records_, method, &Record::method)->proven;
}

void MethodChoice::worked(SampleMethod method) {
  record(method).proven = true;
  record(method).failure.reset();
}

void MethodChoice::failed(SampleMethod method, Error why, TimePoint now) {
  record(method).proven = false;
  record(method).failure = Failure{std::move(why), now};
}

std::string MethodChoice::why_not_better_than(SampleMethod used) const {
  std::string text;
  for (const Record& record : records_) {
    if (record.method == used) break;
    if (record.failure) append(text, record.method, record.failure->why);
  }
  return text;
}

std::string MethodChoice::failures() const {
  std::string text;
  for (const Record& record : records_) {
    if (record.failure) append(text, record.method, record.failure->why);
  }
  return text;
}

MethodChoice::Record& MethodChoice::record(SampleMethod method) {
  return *std::ranges::find(records_, method, &Record::method);
}

}  // namespace drainbow
