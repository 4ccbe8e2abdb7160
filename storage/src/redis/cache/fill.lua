-- KEYS: the member. ARGV: field, its lease, the lease's milliseconds, the value's, the value.
-- Returns 1 when the value is there.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = redis.pcall('HGET', KEYS[1], 'lease:' .. ARGV[1])
if type(lease) ~= 'string' or lease:sub(14) ~= ARGV[2] then
  return 0
end
local since = tonumber(lease:sub(1, 13))
local till = since + ARGV[4]
if now < since or now >= since + ARGV[3] or now >= till then
  redis.call('HDEL', KEYS[1], 'lease:' .. ARGV[1])
  return 0
end
-- The first thing that is written: a server that is full refuses it, and so all of it.
local head = string.format('%013.0f%013.0f', since, till)
redis.call('HSET', KEYS[1], ARGV[1], head .. ARGV[5])
redis.call('HDEL', KEYS[1], 'lease:' .. ARGV[1])
if redis.call('PTTL', KEYS[1]) < till - now then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', till - now))
end
return 1
