//! Real Nest processes for the tests.
