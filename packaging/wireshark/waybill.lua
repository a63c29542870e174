-- waybill.lua - shows in Wireshark what `waybill tap pcap` has written.
--
--   wireshark -X lua_script:waybill.lua -r FILE
--   tshark -X lua_script:waybill.lua -r FILE -T fields -e waybill.type -e waybill.from -e waybill.to
--
-- A packet of link type USER0 is one msgpack list, a record of the tap:
--   [n, now_ns, point, error or nil, size, payload or nil, envelope]
-- The envelope is the list that docs/bus-protocol.md tells of, the payload a map from names to
-- values, as docs/messages.md lists them. Each field of it is also findable by
-- waybill.field == "name=value".

local waybill = Proto("waybill", "Waybill bus")

local fields = {
  n = ProtoField.uint64("waybill.n", "Number of the record of its actor"),
  now = ProtoField.uint64("waybill.now_ns", "Monotonic time, ns"),
  point = ProtoField.string("waybill.point", "Point"),
  error = ProtoField.string("waybill.error", "Error"),
  size = ProtoField.uint64("waybill.size", "Bytes of payload"),
  kind = ProtoField.string("waybill.kind", "Kind"),
  type = ProtoField.string("waybill.type", "Type"),
  from = ProtoField.string("waybill.from", "From"),
  to = ProtoField.string("waybill.to", "To"),
  id = ProtoField.string("waybill.id", "Id"),
  corr = ProtoField.string("waybill.corr", "Answers"),
  cause = ProtoField.string("waybill.cause", "Cause"),
  trace = ProtoField.string("waybill.trace", "Trace"),
  epoch = ProtoField.uint64("waybill.epoch", "Epoch of the link"),
  seq = ProtoField.uint64("waybill.seq", "Number on the link"),
  sent = ProtoField.uint64("waybill.sent_ns", "Sent, ns"),
  wait = ProtoField.double("waybill.waited_ms", "Since it was sent, ms"),
  key = ProtoField.string("waybill.key", "Key"),
  flags = ProtoField.uint64("waybill.flags", "Flags"),
  attempt = ProtoField.uint64("waybill.attempt", "Attempt"),
  hop = ProtoField.uint64("waybill.hop", "Hop"),
  payload = ProtoField.string("waybill.payload", "Payload"),
  field = ProtoField.string("waybill.field", "Field"),
}
waybill.fields = fields
local malformed = ProtoExpert.new("waybill.malformed", "It cannot be read", expert.group.MALFORMED,
                                  expert.severity.ERROR)
waybill.experts = { malformed }

local kinds = { [0] = "CAST", "REQ", "EVT", "REP", "ERR", "CREDIT", "NAK", "HELLO", "BYE", "PING",
                "PONG", "CONTROL" }

-- ------------------------------------------------------------------------- msgpack
--
-- read(tvb, at, depth) gives {kind, value, at, size} of the value that begins at `at`. What does not
-- fit raises an error, which the dissector shows.

local DEEPEST = 32
local read

local function need(tvb, at, size)
  if at + size > tvb:len() then error("it ends too early") end
end

local function uint(tvb, at, size)
  need(tvb, at, size)
  return tvb(at, size):uint64()
end

local function int(tvb, at, size)
  need(tvb, at, size)
  return tvb(at, size):int64()
end

local function node(kind, value, at, next)
  return { kind = kind, value = value, at = at, size = next - at }
end

local function text(tvb, at, start, size)
  need(tvb, start, size)
  local value = size > 0 and tvb(start, size):string(ENC_UTF_8) or ""
  return node("text", value, at, start + size)
end

local function blob(tvb, at, start, size)
  need(tvb, start, size)
  local result = node("blob", size > 0 and tvb(start, size):bytes() or ByteArray.new(), at,
                      start + size)
  result.start, result.length = start, size
  return result
end

local function list(tvb, at, start, count, depth)
  if count > tvb:len() - start then error("it claims more than there is") end
  local items, next = {}, start
  for i = 1, count do
    items[i] = read(tvb, next, depth + 1)
    next = items[i].at + items[i].size
  end
  return node("list", items, at, next)
end

local function map(tvb, at, start, count, depth)
  local result = list(tvb, at, start, count * 2, depth)
  result.kind = "map"
  return result
end

-- By the first byte; fixed forms are looked at in read().
local forms = {
  [0xc0] = function(tvb, at) return node("nil", nil, at, at + 1) end,
  [0xc2] = function(tvb, at) return node("bool", false, at, at + 1) end,
  [0xc3] = function(tvb, at) return node("bool", true, at, at + 1) end,
  [0xca] = function(tvb, at) need(tvb, at, 5) return node("real", tvb(at + 1, 4):float(), at, at + 5) end,
  [0xcb] = function(tvb, at) need(tvb, at, 9) return node("real", tvb(at + 1, 8):float(), at, at + 9) end,
}
for i = 0, 3 do
  local size = 2 ^ i
  forms[0xcc + i] = function(tvb, at) return node("number", uint(tvb, at + 1, size), at, at + 1 + size) end
  forms[0xd0 + i] = function(tvb, at) return node("number", int(tvb, at + 1, size), at, at + 1 + size) end
end
for i = 0, 2 do
  local size = 2 ^ i
  local function count(tvb, at) return uint(tvb, at + 1, size):tonumber() end
  forms[0xd9 + i] = function(tvb, at) return text(tvb, at, at + 1 + size, count(tvb, at)) end
  forms[0xc4 + i] = function(tvb, at) return blob(tvb, at, at + 1 + size, count(tvb, at)) end
  forms[0xc7 + i] = function(tvb, at) return blob(tvb, at, at + 2 + size, count(tvb, at)) end
end
for i = 0, 4 do
  forms[0xd4 + i] = function(tvb, at) return blob(tvb, at, at + 2, 2 ^ i) end
end
for i = 0, 1 do
  local size = 2 ^ (i + 1)
  local function count(tvb, at) return uint(tvb, at + 1, size):tonumber() end
  forms[0xdc + i] = function(tvb, at, depth) return list(tvb, at, at + 1 + size, count(tvb, at), depth) end
  forms[0xde + i] = function(tvb, at, depth) return map(tvb, at, at + 1 + size, count(tvb, at), depth) end
end

read = function(tvb, at, depth)
  if depth > DEEPEST then error("it is nested too deeply") end
  need(tvb, at, 1)
  local tag = tvb(at, 1):uint()
  if tag < 0x80 then return node("number", UInt64(tag), at, at + 1) end
  if tag < 0x90 then return map(tvb, at, at + 1, tag - 0x80, depth) end
  if tag < 0xa0 then return list(tvb, at, at + 1, tag - 0x90, depth) end
  if tag < 0xc0 then return text(tvb, at, at + 1, tag - 0xa0) end
  if tag >= 0xe0 then return node("number", Int64(tag - 0x100), at, at + 1) end
  if forms[tag] == nil then error("it is not msgpack") end
  return forms[tag](tvb, at, depth)
end

-- One line of a value, like JSON.
local function show(value)
  if value.kind == "nil" then return "null" end
  if value.kind == "text" then return '"' .. value.value .. '"' end
  if value.kind == "blob" then return "0x" .. value.value:tohex() end
  if value.kind ~= "list" and value.kind ~= "map" then return tostring(value.value) end
  local parts = {}
  if value.kind == "list" then
    for i, item in ipairs(value.value) do parts[i] = show(item) end
    return "[" .. table.concat(parts, ", ") .. "]"
  end
  for i = 1, #value.value, 2 do
    parts[#parts + 1] = show(value.value[i]) .. ": " .. show(value.value[i + 1])
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- --------------------------------------------------------------------- dissecting

local function range(tvb, value)
  return tvb(value.at, value.size)
end

local function add(tree, field, tvb, value)
  if value and value.kind ~= "nil" then tree:add(field, range(tvb, value), value.value) end
end

local function add_uuid(tree, field, tvb, value)
  if value.kind ~= "blob" then return end
  local hex = value.value:tohex(true)
  tree:add(field, range(tvb, value), table.concat({ hex:sub(1, 8), hex:sub(9, 12), hex:sub(13, 16),
                                                    hex:sub(17, 20), hex:sub(21) }, "-"))
end

-- A list with that many values at least.
local function values_of(value, count)
  if value.kind ~= "list" or #value.value < count then error("a list is too short") end
  return value.value
end

local function add_envelope(tree, tvb, value)
  local part = values_of(value, 19)
  local branch = tree:add(waybill, range(tvb, value), "Envelope")
  branch:add(fields.kind, range(tvb, part[2]), kinds[part[2].value:tonumber()] or "?")
  add(branch, fields.type, tvb, part[3])
  add(branch, fields.from, tvb, part[5])
  add(branch, fields.to, tvb, part[6])
  add_uuid(branch, fields.id, tvb, part[7])
  add_uuid(branch, fields.corr, tvb, part[8])
  add_uuid(branch, fields.cause, tvb, part[9])
  add_uuid(branch, fields.trace, tvb, part[10])
  add(branch, fields.epoch, tvb, part[11])
  add(branch, fields.seq, tvb, part[12])
  add(branch, fields.sent, tvb, part[13])
  add(branch, fields.key, tvb, part[15])
  add(branch, fields.flags, tvb, part[16])
  add(branch, fields.attempt, tvb, part[17])
  add(branch, fields.hop, tvb, part[18])
  return part
end

local function add_payload(tree, tvb, value)
  if value.kind ~= "blob" or value.length == 0 then return end
  local inner = tvb(value.start, value.length):tvb()
  local body = read(inner, 0, 0)
  local branch = tree:add(fields.payload, inner(), show(body))
  if body.kind ~= "map" then return end
  for i = 1, #body.value, 2 do
    local name, item = body.value[i], body.value[i + 1]
    local both = inner(name.at, name.size + item.size)
    branch:add(fields.field, both, tostring(name.value) .. "=" .. show(item))
  end
end

local function dissect(tvb, pinfo, tree)
  local record = values_of(read(tvb, 0, 0), 7)
  add(tree, fields.n, tvb, record[1])
  add(tree, fields.now, tvb, record[2])
  add(tree, fields.point, tvb, record[3])
  add(tree, fields.error, tvb, record[4])
  add(tree, fields.size, tvb, record[5])
  local envelope = add_envelope(tree, tvb, record[7])
  add_payload(tree, tvb, record[6])
  local waited = record[2].value:tonumber() - envelope[13].value:tonumber()
  if record[3].value ~= "send" and waited >= 0 then
    tree:add(fields.wait, range(tvb, record[2]), waited / 1e6):set_generated()
  end
  pinfo.cols.src = envelope[5].value
  pinfo.cols.dst = envelope[6].value
  pinfo.cols.info = record[3].value .. " " .. envelope[3].value
end

function waybill.dissector(tvb, pinfo, root)
  pinfo.cols.protocol = "WAYBILL"
  local tree = root:add(waybill, tvb())
  local good, why = pcall(dissect, tvb, pinfo, tree)
  if not good then tree:add_proto_expert_info(malformed, tostring(why)) end
end

local encapsulations = wtap_encaps or wtap
DissectorTable.get("wtap_encap"):add(encapsulations.USER0, waybill)
