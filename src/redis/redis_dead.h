/* SPDX-License-Identifier: Apache-2.0 */
/* redis_dead - what a dead letter looks like in the list petiole.dead, newest first:
 *
 *     {"reason": …, "queue": …, "task": …, "id": …, "time": Unix seconds,
 *      "message": the whole of it}
 *
 * in this order, so that a reader need not read the message. What nobody could read has
 * neither task nor id: they are "". All are UTF-8, but for the message, which may be
 * anything: its bytes beyond ASCII are written as the Latin-1 characters of the same
 * number, and so are those elsewhere that are no UTF-8, as of a text that was cut. */
#ifndef PETIOLE_REDIS_DEAD_H
#define PETIOLE_REDIS_DEAD_H

/* Lua: dead(reason, queue, now, message, task, id) returns the text. */
#define LUA_DEAD                                                                       \
    "local function dead(reason, queue, now, message, task, id)\n"                     \
    "  local function latin1(bytes)\n"                                                 \
    "    return (bytes:gsub('[\\128-\\255]', function(c)\n"                            \
    "      return string.format('\\\\u00%02x', c:byte()) end))\n"                      \
    "  end\n"                                                                          \
    "  local characters = {'^[\\194-\\223][\\128-\\191]',\n"                           \
    "    '^\\224[\\160-\\191][\\128-\\191]', '^\\237[\\128-\\159][\\128-\\191]',\n"    \
    "    '^[\\225-\\236\\238\\239][\\128-\\191][\\128-\\191]',\n"                      \
    "    '^\\240[\\144-\\191][\\128-\\191][\\128-\\191]',\n"                           \
    "    '^[\\241-\\243][\\128-\\191][\\128-\\191][\\128-\\191]',\n"                   \
    "    '^\\244[\\128-\\143][\\128-\\191][\\128-\\191]'}\n"                           \
    "  local function utf8(run)\n"                                                     \
    "    local out, i = {}, 1\n"                                                       \
    "    while i <= #run do\n"                                                         \
    "      local c\n"                                                                  \
    "      for _, p in ipairs(characters) do c = c or run:match(p, i) end\n"           \
    "      out[#out + 1] = c or latin1(run:sub(i, i))\n"                               \
    "      i = i + (c and #c or 1)\n"                                                  \
    "    end\n"                                                                        \
    "    return table.concat(out)\n"                                                   \
    "  end\n"                                                                          \
    "  local function text(s)\n"                                                       \
    "    return (cjson.encode(s or ''):gsub('[\\128-\\255]+', utf8))\n"                \
    "  end\n"                                                                          \
    "  return '{\"reason\": ' .. text(reason) .. ', \"queue\": ' .. text(queue) ..\n"  \
    "    ', \"task\": ' .. text(task) .. ', \"id\": ' .. text(id) ..\n"                \
    "    ', \"time\": ' .. now .. ', \"message\": ' ..\n"                              \
    "    latin1(cjson.encode(message)) .. '}'\n"                                       \
    "end\n"

#endif
