// Time and tables for measurements. A table goes to standard output and, with LATENT_PROOF=FOLDER,
// into a file of that folder too, from which docs/proof.md is made.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace latent::benchmarks {

using Seconds = std::chrono::duration<double>;

/// Wall time of one call.
Seconds time_of(const std::function<void()>& work);
/// Calls `work` until `at_least` has passed, three calls at the fewest; the times in ascending
/// order.
std::vector<Seconds> times_of(const std::function<void()>& work, Seconds at_least);
/// `share` 0.5 = median. `sorted` is not empty.
Seconds quantile(const std::vector<Seconds>& sorted, double share);

/// Three significant digits.
std::string number(double value);
std::string milliseconds(Seconds time);

class Table {
 public:
  Table(std::string name, std::string title, std::vector<std::string> columns);
  void row(const std::vector<std::string>& cells);
  /// A sentence below the table.
  void remark(const std::string& text);
  /// Markdown to standard output and to $LATENT_PROOF/<name>.md.
  void print() const;

 private:
  std::string name_;
  std::string text_;
  std::string remarks_;
};

}  // namespace latent::benchmarks
