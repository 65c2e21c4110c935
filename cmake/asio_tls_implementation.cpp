// Boost.Asio's own definitions for TLS, compiled once like asio_implementation.cpp.
#include <boost/asio/ssl/impl/src.hpp>
