// What an agent's answer means: its verdict document (JSON), and the line that tells it to people.
#pragma once

#include <string>

#include "drain/result.h"
#include "drain/verdict.h"
#include "probes/http_response.h"

namespace drainbow {

enum class Question { kDrained, kWait, kStatus };

struct Answer {
  Verdict verdict = Verdict::kUnknown;
  std::string line;  // printable ASCII, without a newline, of bounded length
};

// Any doubt is an error: a document that is not what it should be, or a status that contradicts it.
Result<Answer> understand(Question question, const HttpResponse& response);

// The probe's exit codes.
inline constexpr int kExitDrained = 0;
inline constexpr int kExitNotDrained = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnknown = 3;

int exit_code(Verdict verdict);

}  // namespace drainbow
