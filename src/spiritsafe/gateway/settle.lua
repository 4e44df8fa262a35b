-- Replaces a reservation's estimate by what was used, or takes the whole request back; once, whoever asks.
--
-- The reservation names its levels' keys itself, because any worker may settle what another reserved. They have the
-- hash tag of the one declared key, so that a cluster keeps them in the same place.
--
-- KEYS: the reservation's.
-- ARGV: now in microseconds, or '' for the server's clock; tokens used, or '' if the request never reached the model.
-- Returns 1; 0 if there is no such reservation (any more), and nothing happened.

local DEBT_PERIODS = 2
local GIVEN_MS = 86400000 -- what a time that was given leaves to a key, the server's clock cannot tell
local LEVEL, RESERVED = 'ddddd', 'dddddddI4c0' -- reserve.lua writes both
local call, pack, read, max, min = redis.call, struct.pack, struct.unpack, math.max, math.min

local reservation = call('GET', KEYS[1])
if not reservation then return 0 end
call('DEL', KEYS[1])

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end
local used = tonumber(ARGV[2])

-- Exact where units * amount < 2^53; beyond that it may be a microsecond off.
local function price(units, amount, period)
  local rest = math.fmod(period, amount)
  local part = units * rest
  local over = math.fmod(part, amount)
  return units * ((period - rest) / amount) + (part - over) / amount + (over > 0 and 1 or 0)
end

local function refund(unused, mark, moved)
  return max(0, min(unused, mark - moved - now))
end

local at = 1
while at <= #reservation do
  local charged, request_price, request_mark, token_price, token_mark, amount, period, key
  charged, request_price, request_mark, token_price, token_mark, amount, period, key, at =
    read(RESERVED, reservation, at)
  local begun, request, request_moved, token, token_moved = now, 0, 0, 0, 0
  local stored = call('GET', key)
  if stored then begun, request, request_moved, token, token_moved = read(LEVEL, stored) end
  local before = request + token
  if begun == charged and not used then
    local given = refund(request_price, request_mark, request_moved)
    request, request_moved = request - given, request_moved + given
  end
  if period > 0 then
    local unused = token_price - price(used or 0, amount, period)
    if unused < 0 then
      token = max(token, min(max(token, now) - unused, now + DEBT_PERIODS * period))
    elseif begun == charged then
      local given = refund(unused, token_mark, token_moved)
      token, token_moved = token - given, token_moved + given
    end
  end
  if request + token ~= before then
    local left_ms = max(1, math.ceil((max(request, token) - now) / 1000))
    if ARGV[1] ~= '' then left_ms = GIVEN_MS end
    call('SET', key, pack(LEVEL, begun, request, request_moved, token, token_moved), 'PX', left_ms)
  end
end
return 1
