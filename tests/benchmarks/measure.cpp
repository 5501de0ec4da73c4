#include "tests/benchmarks/measure.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/proof.h"

namespace latent::benchmarks {
namespace {

std::string line_of(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += ' ' + cell + " |";
  return line + '\n';
}

}  // namespace

Seconds time_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::steady_clock::now() - start;
}

std::vector<Seconds> times_of(const std::function<void()>& work, Seconds at_least) {
  constexpr std::size_t kCallsMin = 3;
  std::vector<Seconds> times;
  Seconds all{};
  while (all < at_least || times.size() < kCallsMin) {
    times.push_back(time_of(work));
    all += times.back();
  }
  std::ranges::sort(times);
  return times;
}

Seconds quantile(const std::vector<Seconds>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(place + 0.5)];
}

std::string number(double value) {
  if (value >= 100) return fmt::format("{:.0f}", value);
  if (value >= 10) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::string milliseconds(Seconds time) { return number(time.count() * 1e3); }

Table::Table(std::string name, std::string title, std::vector<std::string> columns)
    : name_(std::move(name)), text_("### " + title + "\n\n") {
  text_ += line_of(columns) + '|';
  for (std::size_t i = 0; i < columns.size(); ++i) text_ += "---|";
  text_ += '\n';
}

void Table::row(const std::vector<std::string>& cells) { text_ += line_of(cells); }

void Table::remark(const std::string& text) { remarks_ += '\n' + text + '\n'; }

void Table::print() const { test::show_proof(name_, text_ + remarks_ + '\n'); }

}  // namespace latent::benchmarks
