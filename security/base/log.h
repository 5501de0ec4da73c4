// One line = one event, key=value, no patient's value (Phi<T> has no formatter).
//   log::info("instance stored", "blob", id.hex(), "bytes", size);
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace latent::log {

enum class Level { debug, info, warn, error, off };

/// Lines go to standard error. Called once by main; before it, `info` and up are printed.
void configure(Level level);
bool enabled(Level level);
void write(Level level, std::string_view line);

namespace detail {
/// Values are quoted when they hold spaces, quotes or control characters, which are escaped: one
/// event stays one line whatever a peer sent.
void append_value(std::string& line, std::string_view value);

inline void append_fields(std::string&) {}
template <class Value, class... Rest>
void append_fields(std::string& line, std::string_view key, const Value& value, const Rest&... rest) {
  line += ' ';
  line += key;
  line += '=';
  append_value(line, fmt::format("{}", value));
  append_fields(line, rest...);
}
}  // namespace detail

template <class... Fields>
void event(Level level, std::string_view what, const Fields&... fields) {
  static_assert(sizeof...(fields) % 2 == 0, "fields come in pairs: key, value");
  if (!enabled(level)) return;
  std::string line(what);
  detail::append_fields(line, fields...);
  write(level, line);
}

/// error = somebody must act; warn = we coped, look when it repeats; info = life cycle; debug = off.
template <class... F> void error(std::string_view what, const F&... f) { event(Level::error, what, f...); }
template <class... F> void warn(std::string_view what, const F&... f) { event(Level::warn, what, f...); }
template <class... F> void info(std::string_view what, const F&... f) { event(Level::info, what, f...); }
template <class... F> void debug(std::string_view what, const F&... f) { event(Level::debug, what, f...); }

}  // namespace latent::log
