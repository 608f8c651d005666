// Boost.JSON compiled in: the probe runs in images that have no library, not even libc.
#include <boost/json/src.hpp>
