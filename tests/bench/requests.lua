-- wrk -s requests.lua URL -- FILE: requests drawn from a file, whose lines are method,
-- path, API key and body (or nothing), parted by tabs. The line of JSON at the end is
-- for desk.py; times in microseconds.

local requests = {}

function init(args)
	for line in io.lines(args[1]) do
		local method, path, key, body = line:match("^(.-)\t(.-)\t(.-)\t(.*)$")

		requests[#requests + 1] = wrk.format(method, path,
		    { ["X-API-Key"] = key, ["Content-Type"] = "application/json" },
		    body ~= "" and body or nil)
	end
	math.randomseed(tonumber(tostring({}):match("0x(%x+)"), 16))
end

function request()
	return requests[math.random(#requests)]
end

function done(summary, latency)
	local e = summary.errors

	io.write(string.format('{"n":%d,"p50":%d,"p99":%d,"failed":%d}\n', summary.requests,
	    latency:percentile(50), latency:percentile(99),
	    e.status + e.connect + e.read + e.write + e.timeout))
end
