-- KEYS[1]: where a key stands: the microsecond of this server's clock at which all is forgotten.
-- ARGV: how often it passed, in how many microseconds one is forgotten, and the most that is
-- remembered, in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local stands = redis.pcall('GET', KEYS[1])
-- What is of another kind, or no number, is written over.
stands = type(stands) == 'string' and tonumber(stands) or now
stands = math.min(math.max(stands, now) + ARGV[1] * ARGV[2], now + ARGV[3])
local ahead = stands - now
redis.call('SET', KEYS[1], string.format('%.0f', stands), 'PX', math.ceil(ahead / 1000) + 1)
return ahead
