-- KEYS: the member. ARGV: field, lease to give, its milliseconds, those that a value may be old.
-- Returns {1, age in ms, value}, {2} when somebody else has the lease, {3, things dropped}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dropped = 0
local kept = redis.pcall('HMGET', KEYS[1], ARGV[1], 'lease:' .. ARGV[1])
if kept.err then
  redis.call('UNLINK', KEYS[1])
  kept, dropped = {false, false}, 1
end
if kept[1] then
  local since, till = tonumber(kept[1]:sub(1, 13)), tonumber(kept[1]:sub(14, 26))
  if not (since and till) then
    dropped = 1
  elseif since <= now and now < till and now < since + ARGV[4] then
    return {1, now - since, kept[1]:sub(27)}
  end
end
if kept[2] then
  local since = tonumber(kept[2]:sub(1, 13))
  if since and since <= now and now < since + ARGV[3] then
    return {2}
  end
end
redis.call('HSET', KEYS[1], 'lease:' .. ARGV[1], string.format('%013.0f', now) .. ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {3, dropped}
