#include "server/dimse/detail/transport.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <utility>

#include "security/base/log.h"

namespace latent::server::dimse {

namespace asio = boost::asio;
using boost::system::error_code;
using dicom::network::Fragment;

namespace {

/// Reads in a row before others on this thread get their turn: 1 MiB.
constexpr int kReadsInARow = 16;
/// Bytes of one write call; Asio's own 64 KiB would cut our gathered writes into small ones.
constexpr std::size_t kWriteCallBytes = 1u << 20;
/// With more than this waiting for the socket nothing further is read: whoever asks and never takes
/// the answers is held up by TCP. Our services stop themselves well below it.
constexpr std::size_t kUnwrittenBytesMax = 1u << 20;

/// A view, because async_write copies the buffer sequence that it is given.
struct BufferRange {
  const asio::const_buffer* first = nullptr;
  const asio::const_buffer* last = nullptr;
  using value_type = asio::const_buffer;
  using const_iterator = const asio::const_buffer*;
  const_iterator begin() const { return first; }
  const_iterator end() const { return last; }
};

Deadline now() { return std::chrono::steady_clock::now(); }

}  // namespace

void Transport::Batch::add(Bytes bytes_to_own) {
  if (bytes_to_own.empty()) return;
  bytes += bytes_to_own.size();
  owned.push_back(std::move(bytes_to_own));
  buffers.emplace_back(owned.back().data(), owned.back().size());
}

void Transport::Batch::clear() {
  // An idle connection holds nothing, so the memory goes too.
  *this = {};
}

Transport::Transport(asio::ip::tcp::socket socket, dicom::network::Association association,
                     BufferPool& buffers, Millis artim_timeout)
    : socket_(std::move(socket)),
      association_(std::move(association)),
      buffers_(buffers),
      artim_timeout_(artim_timeout),
      timer_(socket_.get_executor()),
      last_life_(now()) {}

Transport::~Transport() = default;

void Transport::begin() {
  error_code ignored;
  // An error here (the peer has gone already) shows itself at the first read.
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  last_life_ = now();
  after_events();
  wait_readable();
}

void Transport::resume() {
  if (!paused_ || gone_) return;
  paused_ = false;
  last_life_ = now();
  read_on();
}

void Transport::read_on() {
  asio::post(executor(), [self = shared_from_this()] {
    if (self->gone_ || self->paused_) return;
    if (self->consume()) self->wait_readable();
  });
}

// ---------------------------------------------------------------------------------------------
// Reading
// ---------------------------------------------------------------------------------------------

void Transport::wait_readable() {
  if (reading_ || paused_ || gone_) return;
  if (buffer_ && unread_.empty()) buffers_.give_back(std::move(buffer_));
  reading_ = true;
  socket_.async_wait(asio::socket_base::wait_read,
                     [self = shared_from_this()](const error_code& error) {
                       self->reading_ = false;
                       if (self->gone_) return;
                       if (error) return self->close(error.message());
                       self->read_some();
                     });
}

void Transport::read_some() {
  for (int round = 0; round < kReadsInARow; ++round) {
    if (paused_ || gone_) return;
    if (!buffer_) buffer_ = buffers_.take();
    error_code error;
    const std::size_t count = socket_.read_some(asio::buffer(*buffer_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      return wait_readable();
    }
    if (error) {
      if (auto event = association_.transport_closed()) handle(*event);
      return close(error == asio::error::eof ? "closed by peer" : error.message());
    }
    // Not sticky. Without it a sender that leaves Nagle's algorithm on (Debian's storescu) waits
    // 40 ms for our delayed acknowledgement at each object (tech.md §1).
    const int one = 1;
    ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
    if (is_reading_life()) last_life_ = now();
    unread_ = {buffer_->data(), count};
    if (!consume()) return;
    if (count < buffer_->size()) return wait_readable();
  }
  reading_ = true;
  asio::post(executor(), [self = shared_from_this()] {
    self->reading_ = false;
    self->read_some();
  });
}

/// True when everything read is consumed and more may be read.
bool Transport::consume() {
  while (!paused_ && !gone_) {
    held_up_ = unwritten_bytes() > kUnwrittenBytesMax && !association_.is_closing();
    if (held_up_) break;
    const std::size_t before = unread_.size();
    auto event = association_.next(unread_);
    if (!event) {
      // What was swallowed without an event is the beginning of something.
      if (before > unread_.size()) mid_pdu_ = true;
      break;
    }
    mid_pdu_ = false;
    handle(*event);
  }
  after_events();
  return !paused_ && !gone_ && !held_up_;
}

void Transport::handle(dicom::network::Event& event) {
  if (const auto* command = std::get_if<dicom::network::CommandReceived>(&event)) {
    data_expected_ = command->command.has_data_set();
  } else if (const auto* data = std::get_if<dicom::network::DataReceived>(&event)) {
    data_expected_ = !data->last;
  }
  try {
    on_event(event);
  } catch (const std::exception& exception) {
    log::error("association failed", "reason", exception.what());
    abort({dicom::network::Abort::service_provider, dicom::network::Abort::not_specified});
  }
}

void Transport::after_events() {
  if (gone_) return;
  if (!association_.artim_running()) {
    artim_until_.reset();
  } else if (!artim_until_) {
    artim_until_ = now() + artim_timeout_;
  }
  flush();
  update_timer();
}

// ---------------------------------------------------------------------------------------------
// Writing
// ---------------------------------------------------------------------------------------------

Result<void> Transport::send_chunk(std::uint8_t context_id, Bytes chunk, Fragment fragment) {
  if (gone_) return fail(ErrorCode::cancelled, "the association is over", "dimse");
  if (association_.has_output()) filling_.add(association_.take_output());
  Bytes headers;
  std::vector<std::size_t> data_bytes;
  std::size_t framed = 0;
  do {
    LATENT_TRY(const dicom::network::DataFrame frame,
               association_.frame_data(context_id, chunk.size() - framed, fragment));
    append(headers, frame.header);
    data_bytes.push_back(frame.data_bytes);
    framed += frame.data_bytes;
  } while (framed < chunk.size());

  constexpr std::size_t kHeaderBytes = sizeof(dicom::network::DataFrame::header);
  const std::byte* header = headers.data();
  const std::byte* data = chunk.data();
  for (const std::size_t size : data_bytes) {
    filling_.buffers.emplace_back(header, kHeaderBytes);
    if (size != 0) filling_.buffers.emplace_back(data, size);
    header += kHeaderBytes;
    data += size;
  }
  filling_.bytes += headers.size() + chunk.size();
  filling_.owned.push_back(std::move(headers));
  filling_.owned.push_back(std::move(chunk));
  return {};
}

void Transport::flush() {
  if (gone_) return;
  if (association_.has_output()) filling_.add(association_.take_output());
  write_batch();
}

void Transport::write_batch() {
  if (gone_ || writing_.bytes != 0) return;
  if (filling_.bytes == 0) {
    if (association_.is_over() || closes_when_written_) close("association ended");
    return;
  }
  std::swap(filling_, writing_);
  last_life_ = now();
  const BufferRange range{writing_.buffers.data(),
                          writing_.buffers.data() + writing_.buffers.size()};
  asio::async_write(
      socket_, range,
      [](const error_code& error, std::size_t) { return error ? 0 : kWriteCallBytes; },
      [self = shared_from_this()](const error_code& error, std::size_t count) {
        self->writing_.clear();
        if (self->gone_) return;
        if (error) return self->close(error.message());
        self->last_life_ = now();
        self->written_bytes_ += count;
        self->flush();
        if (self->held_up_ && self->unwritten_bytes() < kUnwrittenBytesMax / 2) {
          self->held_up_ = false;
          self->read_on();
        }
        if (self->gone_ || self->writing_.bytes != 0) return;
        self->on_written();
        self->after_events();
      });
}

// ---------------------------------------------------------------------------------------------
// The end
// ---------------------------------------------------------------------------------------------

void Transport::abort() {
  if (gone_) return;
  association_.abort();
  paused_ = false;
  after_events();
  wait_readable();  // for the peer's closing, so that our A-ABORT is not lost to a reset
}

void Transport::abort(dicom::network::Abort reason) {
  if (gone_) return;
  association_.abort(reason);
  paused_ = false;
  after_events();
  wait_readable();
}

void Transport::close_when_written() {
  closes_when_written_ = true;
  flush();
}

void Transport::close(std::string_view why) {
  if (gone_) return;
  gone_ = true;
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  unread_ = {};
  if (buffer_) buffers_.give_back(std::move(buffer_));
  filling_.clear();
  // From a handler of its own, so that nobody is told of the end in the middle of his own call.
  asio::post(executor(),
             [self = shared_from_this(), reason = std::string(why)] { self->on_gone(reason); });
}

// ---------------------------------------------------------------------------------------------
// Time
// ---------------------------------------------------------------------------------------------

std::optional<Deadline> Transport::next_deadline() const {
  if (artim_until_) return artim_until_;
  if (paused_ && unwritten_bytes() == 0) return std::nullopt;
  const bool in_message = unwritten_bytes() != 0 || (!paused_ && (mid_pdu_ || data_expected_));
  const auto limit = time_limit(in_message);
  if (!limit) return std::nullopt;
  return last_life_ + *limit;
}

/// Sets the timer only when it would fire too late: a busy connection touches it once in a while,
/// not at every message.
void Transport::update_timer() {
  if (gone_) return;
  const auto deadline = next_deadline();
  if (deadline && (!armed_for_ || *deadline < *armed_for_)) arm_timer(*deadline);
}

void Transport::arm_timer(Deadline at) {
  armed_for_ = at;
  timer_.expires_at(at);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->gone_) self->on_time();
  });
}

void Transport::on_time() {
  armed_for_.reset();
  const auto deadline = next_deadline();
  if (!deadline) return;
  if (now() < *deadline) return arm_timer(*deadline);
  if (artim_until_) {
    association_.artim_expired();
    return close("ARTIM expired");
  }
  log::warn("association timed out", "received_bytes", association_.received_bytes(),
            "unwritten_bytes", unwritten_bytes());
  abort({dicom::network::Abort::service_provider, dicom::network::Abort::not_specified});
}

}  // namespace latent::server::dimse
