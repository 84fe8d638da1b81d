"""Tests."""

import os

# Tests start PostgreSQL beside servers in the same process. With fork support gRPC
# starts its threads again in the child, which now and then dies before its exec.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
