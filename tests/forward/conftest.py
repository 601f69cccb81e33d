"""The conformance test explains its assertions as tests do."""

import pytest

pytest.register_assert_rewrite("analytics_internal.forward.conformance")
