// The one place where Boost.Asio's compiled part lives (BOOST_ASIO_SEPARATE_COMPILATION).
#include <boost/asio/impl/src.hpp>
