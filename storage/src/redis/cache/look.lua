-- KEYS: the member. ARGV: field, lease to give, its milliseconds, those that a value may be old.
-- Returns {1, age in ms, value, whether the lease is given}, {2} when somebody else has the lease,
-- {3, things dropped}.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dropped = 0
local mine = string.format('%013.0f', now) .. ARGV[2]
local function leased(lease)
  local since = lease and tonumber(lease:sub(1, 13))
  return since and since <= now and now < since + ARGV[3]
end
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
    local given = 0
    if now >= till - (till - since) / 4 and not leased(kept[2]) then
      -- A server that is full refuses it, and what is there is good all the same.
      given = redis.pcall('HSET', KEYS[1], 'lease:' .. ARGV[1], mine)
      given = type(given) == 'number' and 1 or 0
    end
    return {1, now - since, kept[1]:sub(27), given}
  end
end
if leased(kept[2]) then
  return {2}
end
redis.call('HSET', KEYS[1], 'lease:' .. ARGV[1], mine)
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {3, dropped}
