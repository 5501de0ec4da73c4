// The streams behind RetrieveService::open: through the seal as it is, or converted on the way.
#pragma once

#include "retrieval/instances/retrieve_service.h"

namespace latent::retrieval::instances::detail {

Result<std::unique_ptr<InstanceStream>> open_stream(const StoredInstance& instance,
                                                    std::string_view target_syntax, Form form,
                                                    storage::blobs::BlobStore& blobs,
                                                    storage::keyring::KeyRing& keys,
                                                    const Limits& limits);

}  // namespace latent::retrieval::instances::detail
