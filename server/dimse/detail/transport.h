// One socket with one association engine on it, either side: reads when there is something, hands
// on events, writes what the engine has to say in as few calls as possible, and keeps time.
//
// Everything runs on the strand of the socket; no member may be called from elsewhere. Handlers
// under way hold a shared_ptr, so the object lives until the last of them has run. After on_gone()
// nothing more is called.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dicom/network/association.h"
#include "security/base/bytes.h"
#include "security/base/clock.h"
#include "server/dimse/detail/buffer_pool.h"

namespace latent::server::dimse {

class Transport : public std::enable_shared_from_this<Transport> {
 public:
  using Executor = boost::asio::any_io_executor;
  using Millis = std::chrono::milliseconds;

  virtual ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  dicom::network::Association& association() { return association_; }
  const dicom::network::Association& association() const { return association_; }
  Executor executor() { return socket_.get_executor(); }

  /// Stops handing on events (and, soon after, reading), so that the peer is held up by TCP.
  void pause() { paused_ = true; }
  /// Goes on, from a handler of its own: never re-enters the caller.
  void resume();

  /// Starts writing whatever the engine and send_chunk() have queued.
  void flush();
  /// Queues an even piece of a data set (any length if it is the last one) without copying it.
  Result<void> send_chunk(std::uint8_t context_id, Bytes chunk, dicom::network::Fragment fragment);
  /// Queued and not yet given to the kernel.
  std::size_t unwritten_bytes() const { return filling_.bytes + writing_.bytes; }

  /// A-ABORT if there is an association, then the end.
  void abort();
  void abort(dicom::network::Abort reason);
  /// Closes the socket at once.
  void close(std::string_view why);
  /// Closes it when everything queued is with the kernel: for a peer that has nothing under way, so
  /// that no reset can overtake our last word.
  void close_when_written();
  bool is_gone() const { return gone_; }
  std::uint64_t written_bytes() const { return written_bytes_; }

 protected:
  Transport(boost::asio::ip::tcp::socket socket, dicom::network::Association association,
            BufferPool& buffers, Millis artim_timeout);

  /// Sets socket options, starts the clock and the first wait. After construction.
  void begin();
  void replace_association(dicom::network::Association association) {
    association_ = std::move(association);
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  /// Looks at time_limit() again; called by itself after each event.
  void update_timer();

  /// From here pause(), send… and close() may be called.
  virtual void on_event(dicom::network::Event& event) = 0;
  /// All that was queued is with the kernel.
  virtual void on_written() = 0;
  /// The end, exactly once: released, aborted, broken or timed out.
  virtual void on_gone(std::string_view why) = 0;
  /// How long the peer may let us wait from its (or our) last sign of life; nothing: for ever.
  /// `in_message`: it owes the rest of something that it began, or takes nothing of what we write.
  virtual std::optional<Millis> time_limit(bool in_message) const = 0;
  /// True while whatever the peer sends is a sign of life. False while one certain answer is due,
  /// which bytes of other kinds must not put off for ever.
  virtual bool is_reading_life() const = 0;

 private:
  struct Batch {
    std::vector<boost::asio::const_buffer> buffers;
    std::vector<Bytes> owned;
    std::size_t bytes = 0;
    void add(Bytes bytes_to_own);
    void clear();
  };

  void wait_readable();
  void read_some();
  void read_on();
  bool consume();
  void handle(dicom::network::Event& event);
  void after_events();
  void write_batch();
  void arm_timer(Deadline at);
  std::optional<Deadline> next_deadline() const;
  void on_time();

  boost::asio::ip::tcp::socket socket_;
  dicom::network::Association association_;
  BufferPool& buffers_;
  Millis artim_timeout_;

  std::unique_ptr<ReadBuffer> buffer_;  ///< only while it holds unread bytes
  ByteSpan unread_;
  bool reading_ = false;  ///< a wait or a posted read is under way
  bool paused_ = false;
  bool held_up_ = false;  ///< stopped reading until more of what we wrote is taken
  bool gone_ = false;
  bool closes_when_written_ = false;
  bool mid_pdu_ = false;        ///< the last bytes read ended inside something
  bool data_expected_ = false;  ///< the last command has a data set that is not complete

  Batch filling_, writing_;
  std::uint64_t written_bytes_ = 0;

  boost::asio::steady_timer timer_;
  std::optional<Deadline> armed_for_;
  Deadline last_life_;
  std::optional<Deadline> artim_until_;
};

}  // namespace latent::server::dimse
