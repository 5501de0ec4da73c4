// A line on a terminal that says how far long work is; silent where nobody looks at it.
#pragma once

#include <chrono>
#include <string>

namespace latent::server::cli {

class Progress {
 public:
  /// Shown on standard error when that is a terminal and `quiet` is not asked for.
  enum class Show { on_terminal, never };
  explicit Progress(Show show);
  ~Progress() { clear(); }

  /// Redraws at most five times a second.
  void show(const std::string& line);
  /// Takes the line away, so that other output can be printed.
  void clear();
  std::chrono::duration<double> elapsed() const {
    return std::chrono::steady_clock::now() - began_;
  }

 private:
  bool shown_ = false;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_{};
};

/// "12.3 MB", decimal units.
std::string readable_bytes(double bytes);
/// "2 h 03 min", "45 s".
std::string readable_time(double seconds);

}  // namespace latent::server::cli
