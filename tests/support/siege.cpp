#include "tests/support/siege.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <map>

#include "dicom/network/status.h"
#include "tests/support/process_memory.h"
#include "tests/support/proof.h"

namespace latent::test {
namespace {

/// The promise is a second; a machine that runs several test programs at once gets more, and what
/// it was late by itself is not counted.
constexpr double kServedWithinMs = 5'000;
constexpr double kMachineFactor = 4;
constexpr auto kWatcherPause = std::chrono::milliseconds(20);

/// Tables by kind, printed and written when the program has run its tests.
class Proof final : public testing::Environment {
 public:
  static Proof& table() {
    static auto* const proof = static_cast<Proof*>(testing::AddGlobalTestEnvironment(new Proof));
    return *proof;
  }
  void row(const std::string& kind, const std::string& input, const std::string& verdict,
           double milliseconds, std::size_t growth_kib) {
    std::string& text = tables_[kind].rows;
    text += fmt::format("| {} | {} | {:.0f} | {} |\n", in_cell(input), in_cell(verdict),
                        milliseconds, growth_kib);
  }
  void note(const std::string& kind, const std::string& line) {
    tables_[kind].notes += "- " + line + "\n";
  }
  void TearDown() override {
    for (const auto& [kind, table] : tables_) {
      std::string text = "### Hostile input: " + kind + "\n\n";
      text += "| input | verdict | ms | memory growth KiB |\n|---|---|---:|---:|\n";
      text += table.rows + "\n" + table.notes;
      std::cout << "\n";
      show_proof("hostile_" + kind, text);
    }
  }

 private:
  struct Table {
    std::string rows, notes;
  };
  static std::string in_cell(const std::string& text) {
    std::string cell;
    for (const char c : text) {
      if (c == '|') cell += '\\';
      cell += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return cell;
  }
  std::map<std::string, Table> tables_;
};

double milliseconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
      .count();
}

}  // namespace

std::size_t ServerMemory::resident() const { return memory_of(process_) / 1024; }
std::size_t ServerMemory::peak() const { return peak_memory_of(process_) / 1024; }

void ServerMemory::forget_peak() const {
  std::ofstream("/proc/" + std::to_string(process_) + "/clear_refs") << "5" << std::flush;
}

Watcher::Watcher(std::uint16_t port)
    : peer_(port, "KNOWN"), thread_([this] { run(); }), pulse_([this] { take_pulse(); }) {}

Watcher::~Watcher() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
  pulse_.join();
}

Watcher::Report Watcher::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

void Watcher::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const auto began = std::chrono::steady_clock::now();
    std::string failure;
    try {
      const auto status = peer_.echo();
      if (status != dicom::network::status::kSuccess)
        failure = "C-ECHO: " + dicom::network::to_string(status);
    } catch (const std::exception& not_served) {
      failure = not_served.what();
    }
    const double took = milliseconds_since(began);
    lock.lock();
    ++report_.served;
    report_.worst_ms = std::max(report_.worst_ms, took);
    if (!failure.empty() && report_.failure.empty()) report_.failure = failure;
    stop_.wait_for(lock, kWatcherPause, [this] { return stopping_; });
  }
}

void Watcher::take_pulse() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto began = std::chrono::steady_clock::now();
    stop_.wait_for(lock, kWatcherPause, [this] { return stopping_; });
    const std::chrono::duration<double, std::milli> pause = kWatcherPause;
    report_.machine_ms = std::max(report_.machine_ms, milliseconds_since(began) - pause.count());
  }
}

Siege::Siege(std::string kind, ArchiveProcess::Options options)
    : kind_(std::move(kind)),
      archive_(std::move(options)),
      memory_(archive_.process_id()),
      watcher_(archive_.port()) {}

Siege::~Siege() {
  const Watcher::Report report = watcher_.report();
  EXPECT_EQ(report.failure, "") << "the known peer was not served";
  EXPECT_GT(report.served, 0u);
  EXPECT_LT(report.worst_ms, kServedWithinMs + kMachineFactor * report.machine_ms)
      << "the known peer waited";
  note(
      fmt::format("The known peer was served {} times meanwhile, at worst in {:.0f} ms (a thread "
                  "that does nothing was late by {:.0f} ms at worst); memory of the server at the "
                  "end {} KiB.",
                  report.served, report.worst_ms, report.machine_ms, memory_.resident()));
}

void Siege::note(const std::string& line) { Proof::table().note(kind_, line); }

Siege::Start Siege::begin() const {
  memory_.forget_peak();
  return {std::chrono::steady_clock::now(), memory_.resident()};
}

void Siege::end(const Start& start, const std::string& input, const std::string& verdict,
                std::size_t growth_kib_max) {
  const double took = milliseconds_since(start.time);
  const std::size_t peak = memory_.peak();
  const std::size_t growth = peak > start.resident_kib ? peak - start.resident_kib : 0;
  EXPECT_NE(peak, 0u) << "the server is gone after " << input;
  EXPECT_LT(growth, growth_kib_max) << "memory is not flat: " << input;
  Proof::table().row(kind_, input, verdict, took, growth);
}

}  // namespace latent::test
