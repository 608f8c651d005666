-- The figures of a run of wrk as one line of whole numbers: requests, duration, p50, p99 and
-- highest latency (times in microseconds), socket errors. An answer such as 503 is no error.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("%d %d %d %d %d %d\n", summary.requests, summary.duration,
                         latency:percentile(50), latency:percentile(99), latency.max,
                         e.connect + e.read + e.write + e.timeout))
end
