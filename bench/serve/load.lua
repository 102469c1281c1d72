-- One request over and over; at the end one line of JSON, times in microseconds.

local function read(path)
  local file = assert(io.open(path, "rb"))
  local content = file:read("*a")
  file:close()
  return content
end

wrk.method = "POST"
wrk.body = read(os.getenv("LOAD_BODY"))
wrk.headers["Content-Type"] = os.getenv("LOAD_TYPE")
wrk.headers["Accept"] = os.getenv("LOAD_TYPE")

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "duration": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
