-- The requests of tests/bench for wrk: wrk -s tickets.lua URL -- WHAT COUNT DIR
-- WHAT is get, list, post, post-one or plain; COUNT the loaded tickets. DIR/keys has
-- one API key per organization, in the order of their tickets; DIR/body.json is a
-- new ticket. The line of JSON at the end is for bench.py.

local keys, body, what, count = {}, nil, nil, nil

function init(args)
	what, count = args[1], tonumber(args[2])
	body = io.open(args[3] .. "/body.json"):read("*a")
	for key in io.lines(args[3] .. "/keys") do
		keys[#keys + 1] = {
			["X-API-Key"] = key,
			["Content-Type"] = "application/json",
		}
	end
	math.randomseed(tonumber(tostring({}):match("0x(%x+)"), 16))
end

function request()
	local n = math.random(0, count - 1)
	local headers = keys[1 + math.floor(n / (count / #keys))]

	if what == "get" then
		return wrk.format("GET", string.format(
		    "/api/tickets/01900000-0000-7000-8000-%d", 100000000000 + n), headers)
	elseif what == "list" then
		return wrk.format("GET", "/api/tickets?status=open&limit=50", headers)
	elseif what == "post" then
		return wrk.format("POST", "/api/tickets", headers, body)
	elseif what == "post-one" then
		return wrk.format("POST", "/api/tickets", keys[1], body)
	end
	return wrk.format("GET")
end

function done(summary, latency)
	local e = summary.errors

	io.write(string.format(
	    '{"requests":%d,"seconds":%.6f,"p50":%d,"p99":%d,"refused":%d,"broken":%d}\n',
	    summary.requests, summary.duration / 1e6, latency:percentile(50),
	    latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
