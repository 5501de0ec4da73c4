// `latent import PATH…`: DICOM files and folders, streamed to the archive. The client reads the
// files (the archive's user may not be allowed to); the archive recognises and judges them.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "security/base/mutex.h"
#include "server/cli/import_conversation.h"
#include "server/cli/progress.h"
#include "server/cli/verb.h"

namespace latent::server::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPieceBytes = 256u << 10;

struct Options {
  CommonOptions common;
  std::vector<std::string> paths;
};

/// What came of it. The reading thread counts, the sending thread shows.
struct Tally {
  Mutex mutex;
  std::uint64_t stored LATENT_GUARDED_BY(mutex) = 0;
  std::uint64_t duplicate LATENT_GUARDED_BY(mutex) = 0;
  std::uint64_t refused LATENT_GUARDED_BY(mutex) = 0;
  std::uint64_t unreadable LATENT_GUARDED_BY(mutex) = 0;
};

class Import {
 public:
  Import(const Options& options, control::Client client)
      : options_(options),
        progress_(options.common.json ? Progress::Show::never : Progress::Show::on_terminal),
        conversation_(std::move(client),
                      [this](const nlohmann::json& outcome) { count(outcome); }) {}

  int run() {
    Result<void> sent;
    for (const std::string& path : options_.paths)
      if (sent) sent = send_tree(path);
    const auto finished = conversation_.finish(std::move(sent));
    progress_.clear();
    if (!finished) return report_error("import", finished.error(), options_.common);
    return summarise();
  }

 private:
  Result<void> send_tree(const fs::path& path) {
    std::error_code failure;
    if (!fs::is_directory(path, failure)) return send_file(path);
    fs::recursive_directory_iterator tree(path, fs::directory_options::skip_permission_denied,
                                          failure);
    if (failure) return skip(path, failure.message());
    for (const fs::recursive_directory_iterator end; tree != end; tree.increment(failure)) {
      if (failure) return skip(path, failure.message());
      if (!tree->is_regular_file(failure)) continue;
      LATENT_TRY_VOID(send_file(tree->path()));
    }
    return {};
  }

  Result<void> send_file(const fs::path& path) {
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return skip(path, std::error_code(errno, std::generic_category()).message());
    LATENT_TRY_VOID(conversation_.begin_file(path.string()));
    Bytes piece(kPieceBytes);
    while (true) {
      const ssize_t got = ::read(file.get(), piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      // A file that stops being readable is sent as far as it went; the archive refuses the rest.
      if (got <= 0) break;
      bytes_ += static_cast<std::uint64_t>(got);
      LATENT_TRY_VOID(conversation_.send(ByteSpan(piece).first(static_cast<std::size_t>(got))));
    }
    LATENT_TRY_VOID(conversation_.end_file());
    ++files_;
    show_progress();
    return {};
  }

  Result<void> skip(const fs::path& path, const std::string& why) {
    const MutexLock lock(tally_.mutex);
    ++tally_.unreadable;
    tell({{"file", path.string()}, {"kind", "unreadable"}, {"text", why}});
    return {};
  }

  void count(const nlohmann::json& outcome) {
    const std::string kind = outcome.value("kind", "");
    const MutexLock lock(tally_.mutex);
    if (kind == "refused")
      ++tally_.refused;
    else if (kind == "duplicate")
      ++tally_.duplicate;
    else
      ++tally_.stored;
    tell(outcome);
  }

  /// Scripts get every outcome; people those that need a look.
  void tell(const nlohmann::json& outcome) LATENT_REQUIRES(tally_.mutex) {
    const std::string kind = outcome.value("kind", "");
    if (options_.common.json) {
      fmt::print("{}\n", outcome.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else if (kind == "refused" || kind == "unreadable") {
      progress_.clear();
      fmt::print(stderr, "{}: {}: {}\n", outcome.value("file", ""), kind,
                 outcome.value("text", ""));
    }
  }

  void show_progress() {
    const MutexLock lock(tally_.mutex);
    const double seconds = progress_.elapsed().count();
    progress_.show(
        fmt::format("{} files, {}, {}/s, {} stored, {} already there, {} refused", files_,
                    readable_bytes(static_cast<double>(bytes_)),
                    readable_bytes(static_cast<double>(bytes_) / std::max(seconds, 0.001)),
                    tally_.stored, tally_.duplicate, tally_.refused + tally_.unreadable));
  }

  int summarise() {
    const MutexLock lock(tally_.mutex);
    const std::uint64_t refused = tally_.refused + tally_.unreadable;
    const std::uint64_t taken = tally_.stored + tally_.duplicate;
    if (options_.common.json)
      fmt::print("{}\n", nlohmann::json({{"stored", tally_.stored},
                                         {"duplicate", tally_.duplicate},
                                         {"refused", tally_.refused},
                                         {"unreadable", tally_.unreadable},
                                         {"seconds", progress_.elapsed().count()}})
                             .dump());
    else
      fmt::print("{} stored, {} already there, {} refused, {} in {}\n", tally_.stored,
                 tally_.duplicate, refused, readable_bytes(static_cast<double>(bytes_)),
                 readable_time(progress_.elapsed().count()));
    if (taken == 0) return kNothingDone;
    return refused == 0 ? kDone : kInPart;
  }

  const Options& options_;
  Progress progress_;
  Tally tally_;
  std::uint64_t files_ = 0;
  std::uint64_t bytes_ = 0;
  ImportConversation conversation_;  ///< last: its thread counts into what stands above
};

}  // namespace

Command add_import(CLI::App& root) {
  CLI::App* app = root.add_subcommand("import", "Take in DICOM files and folders");
  auto options = std::make_shared<Options>();
  add_common_options(*app, options->common);
  app->add_option("PATH", options->paths, "Files, or folders of any depth")->required();
  return {app, [options] {
            const auto config = config_of(options->common);
            if (!config) return report_error("import", config.error(), options->common);
            auto client = control::Client::connect(*config);
            if (!client) return report_error("import", client.error(), options->common);
            return Import(*options, std::move(*client)).run();
          }};
}

}  // namespace latent::server::cli
