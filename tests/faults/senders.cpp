#include "tests/faults/senders.h"

#include <poll.h>

#include <functional>
#include <stdexcept>
#include <utility>

namespace latent::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kPersistence = std::chrono::seconds(120);

/// Letters that tell each place in each object from every other.
std::string letters(std::uint64_t seed, std::size_t size) {
  std::string text(size, 'a');
  std::uint64_t state = seed | 1;
  for (char& letter : text) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    letter = static_cast<char>('a' + state % 26);
  }
  return text;
}

/// Waits between two attempts at something that gives no signal when it is well again.
void pace() { ::poll(nullptr, 0, 50); }

}  // namespace

DicomObject object_of(const std::string& study, int number) {
  const std::uint64_t seed = std::hash<std::string>{}(study + "/" + std::to_string(number));
  std::size_t size = 300 + seed % 9000;
  if (number % 23 == 22) size = 1'300'000;
  if (number == 7 && study.ends_with(".1")) size = 9u << 20;
  const std::string series = study + "." + std::to_string(1 + number % 3);
  if (size % 2 != 0) ++size;
  return make_object(
      study, series, series + "." + std::to_string(number),
      {{{0x0020, 0x0013}, std::to_string(number)}, {{0x7FE0, 0x0010}, letters(seed, size)}});
}

Senders::Senders(std::uint16_t port, Load load) : port_(port), load_(std::move(load)) {
  working_ = load_.senders;
  for (int sender = 0; sender < load_.senders; ++sender)
    threads_.emplace_back([this, sender] { work(sender); });
}

std::string Senders::study_of(int sender, int which) const {
  return load_.root + "." + std::to_string(sender / load_.sharing) + "." + std::to_string(which);
}

void Senders::work(int sender) {
  for (int which = 0; which < load_.studies_each; ++which) {
    std::vector<int> numbers;
    for (int number = sender % load_.sharing; number < load_.objects_each; number += load_.sharing)
      if (load_.large || number != 7) numbers.push_back(number);
    if (!send(study_of(sender, which), std::move(numbers))) break;
  }
  const std::lock_guard lock(mutex_);
  --working_;
  changed_.notify_all();
}

bool Senders::send(const std::string& study, std::vector<int> numbers) {
  const auto until = Clock::now() + kPersistence;
  while (!numbers.empty()) {
    std::vector<DicomObject> objects;
    for (const int number : numbers) objects.push_back(object_of(study, number));
    {
      const std::lock_guard lock(mutex_);
      for (const int number : numbers) fates_[study].try_emplace(number, false);
    }
    std::vector<int> left = numbers;
    std::size_t answered = 0;
    auto began = Clock::now();
    try {
      DicomPeer(port_).store(objects, [&](const DicomObject&, const StoreAnswer& answer) {
        const int number = numbers[answered++];
        const std::lock_guard lock(mutex_);
        const auto now = Clock::now();
        slowest_ = std::max(slowest_, std::chrono::duration_cast<std::chrono::milliseconds>(
                                          now - std::exchange(began, now)));
        if (answer.is_stored()) {
          std::erase(left, number);
          fates_[study][number] = true;
          ++acknowledged_;
          last_ = now;
        } else {
          ++refusals_[answer.status];
        }
        changed_.notify_all();
      });
    } catch (const std::runtime_error&) {
      // The archive is gone or ended the association: that is what this is about.
      const std::lock_guard lock(mutex_);
      ++broken_;
      if (!load_.persistent) return false;
    }
    if (!load_.persistent) return true;
    numbers = std::move(left);
    if (numbers.empty()) break;
    if (Clock::now() > until) return false;
    pace();
  }
  return true;
}

bool Senders::wait_for(std::size_t acknowledged, std::chrono::seconds patience) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return acknowledged_ >= acknowledged || working_ == 0; });
  return acknowledged_ >= acknowledged;
}

std::size_t Senders::acknowledged() {
  const std::lock_guard lock(mutex_);
  return acknowledged_;
}

void Senders::join() {
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
}

}  // namespace latent::test
