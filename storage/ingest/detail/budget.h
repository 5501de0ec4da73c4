// How much sealed but uncommitted data may be held, over all senders. A lease gives back what it
// took when it dies.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace latent::storage::ingest::detail {

class Budget {
 public:
  explicit Budget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  class Lease {
   public:
    explicit Lease(Budget& budget) : budget_(&budget) {}
    Lease(Lease&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease() { reset(); }
    /// Grows the lease to `bytes`; false when the budget is short (the lease stays as it was).
    [[nodiscard]] bool grow_to(std::uint64_t bytes) {
      if (bytes <= bytes_) return true;
      const std::uint64_t more = bytes - bytes_;
      if (budget_->used_.fetch_add(more) + more > budget_->bytes_max_) {
        budget_->used_.fetch_sub(more);
        return false;
      }
      bytes_ = bytes;
      return true;
    }
    void reset() {
      if (budget_ != nullptr) budget_->used_.fetch_sub(bytes_);
      bytes_ = 0;
    }

   private:
    Budget* budget_;
    std::uint64_t bytes_ = 0;
  };

  std::uint64_t used() const { return used_.load(); }

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace latent::storage::ingest::detail
