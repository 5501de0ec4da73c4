// Never a server as root: who starts us as root gets a server that runs as the user `latent`, which
// is made when it is missing and can neither log in nor come back to root.
//
// Order in main: prepare as root (find_or_create, make_folder, hand_over of the root key file),
// then become(), then open files, sockets and the database. Nothing of the source tree is read
// after become(): a clone below /root is closed to that user.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "security/base/result.h"

namespace latent::server::settings {

struct ServiceUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

bool running_as_root();

/// The login name of a user, or its number.
std::string user_name(uid_t user);

/// The system user `latent`; when there is none it is made with useradd (fixed arguments, no
/// shell). Errors: unavailable when useradd is missing or fails. Call as root.
Result<ServiceUser> find_or_create_service_user();

/// Makes `folder` (and missing parents, root's, 0755) as the user's own with mode 0700. An existing
/// one is taken when it is the user's, or root's and empty; another one is refused: it may hold
/// somebody else's files. Symbolic links are not followed in the last component. Call as root.
Result<void> make_folder_for(const ServiceUser& user, const std::filesystem::path& folder);

/// Gives an existing regular file to the user, mode 0600. Refuses links. Call as root.
Result<void> hand_over(const ServiceUser& user, const std::filesystem::path& file);

/// Becomes the user for good: supplementary groups, group and user id, no new privileges, no core
/// dumps, HOME unset, working folder "/". Proves that root cannot be regained. After an error the
/// process must end, since some of it may have been given up. Call before the first thread starts.
Result<void> become(const ServiceUser& user);

/// All of it in order, for whoever opens the data folder: nothing to do for an ordinary user; as
/// root afterwards an ordinary user that owns `data_dir` and `root_key_file` (made before, as root,
/// since its folder is often closed to the user; empty
/// when the key comes from elsewhere). Errors as above, and refused when a parent of
/// `data_dir` is closed to the user.
Result<void> leave_root(const std::filesystem::path& data_dir,
                        const std::filesystem::path& root_key_file);

}  // namespace latent::server::settings
