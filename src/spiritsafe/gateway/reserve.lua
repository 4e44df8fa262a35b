-- Charges one request and its estimated tokens to every level, or nothing to any.
--
-- The arithmetic of policy/gcra.py in whole microseconds, which a double counts exactly below 2^53. A level's key
-- holds when it was begun, time and refunds of its requests, time and refunds of its tokens. It expires once both
-- buckets are full; by `begun` a refund knows whether this is still the bucket that was charged.
-- Flat lists and few calls, because the server does nothing else meanwhile.
--
-- KEYS: the reservation's, then one for each level, distinct; all have the organisation's hash tag.
-- ARGV: now in microseconds, or '' for the server's clock; milliseconds to keep the reservation; then for each
--       level: price of a request, its period, price of the tokens, their amount, their period (period 0: no bound).
-- Returns 1 or 0 for granted or refused, now, then for each level the times of its requests and of its tokens.

local DEBT_PERIODS = 2
local GIVEN_MS = 86400000 -- what a time that was given leaves to a key, the server's clock cannot tell
local LEVEL, RESERVED = 'ddddd', 'dddddddI4c0' -- settle.lua reads both
local call, pack, read, max = redis.call, struct.pack, struct.unpack, math.max

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function keep(key, begun, request, request_moved, token, token_moved)
  local left_ms = max(1, math.ceil((max(request, token) - now) / 1000))
  if ARGV[1] ~= '' then left_ms = GIVEN_MS end
  call('SET', key, pack(LEVEL, begun, request, request_moved, token, token_moved), 'PX', left_ms)
end

local stored = call('MGET', unpack(KEYS, 2))
local levels = #stored
local answer = { 1, now }
for i = 1, levels do
  local at = 5 * i - 3
  local request, token, _ = 0, 0
  if stored[i] then _, request, _, token = read(LEVEL, stored[i]) end
  local request_period, token_period = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 5])
  if request_period > 0 then
    request = max(request, now) + ARGV[at + 1]
    if request > now + request_period then answer[1] = 0 end
  end
  if token_period > 0 then
    token = max(token, now) + ARGV[at + 3]
    if token > now + token_period then answer[1] = 0 end
  end
  answer[2 * i + 1], answer[2 * i + 2] = request, token
end

if answer[1] == 0 then
  for i = 1, levels do
    local at = 5 * i - 3
    local begun, request, request_moved, token, token_moved = now, 0, 0, 0, 0
    if stored[i] then begun, request, request_moved, token, token_moved = read(LEVEL, stored[i]) end
    local request_over, token_over = 0, 0 -- beyond the bound on debts: the period was shortened
    if ARGV[at + 2] ~= '0' then request_over = max(0, request - now - DEBT_PERIODS * ARGV[at + 2]) end
    if ARGV[at + 5] ~= '0' then token_over = max(0, token - now - DEBT_PERIODS * ARGV[at + 5]) end
    request, token = request - request_over, token - token_over
    if request_over + token_over > 0 then
      keep(KEYS[i + 1], begun, request, request_moved + request_over, token, token_moved + token_over)
    end
    answer[2 * i + 1], answer[2 * i + 2] = request, token
  end
  return answer
end

local reservation = {}
for i = 1, levels do
  local at = 5 * i - 3
  local key, request, token = KEYS[i + 1], answer[2 * i + 1], answer[2 * i + 2]
  local begun, request_moved, token_moved, _ = now, 0, 0
  if stored[i] then begun, _, request_moved, _, token_moved = read(LEVEL, stored[i]) end
  keep(key, begun, request, request_moved, token, token_moved)
  reservation[i] = pack(RESERVED, begun, ARGV[at + 1], request + request_moved, ARGV[at + 3], token + token_moved,
    ARGV[at + 4], ARGV[at + 5], #key, key)
end
call('SET', KEYS[1], table.concat(reservation), 'PX', ARGV[2])
return answer
