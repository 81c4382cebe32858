// BeanstalkdTube: what the jobs of a tube become, as a [[tube]] table of the configuration says. A value.
#pragma once

#include <string>

namespace notifyd {

struct BeanstalkdTube {
  std::string name;
  std::string space = "default";  // the namespace whose listeners have it
  std::string url;
  std::string lane;  // empty: called as the tube
  std::string mode = "concurrent";
  std::string content_type;  // of the body; empty: the API's default
  const std::string& lane_name() const { return lane.empty() ? name : lane; }
  bool operator==(const BeanstalkdTube&) const = default;
};

}  // namespace notifyd
