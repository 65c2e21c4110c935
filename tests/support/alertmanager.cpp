#include "tests/support/alertmanager.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdlib>
#include <stdexcept>

#include "tests/support/http_client.hpp"

namespace homeostat::test {

Alertmanager::Alertmanager()
    : process_({"prometheus-alertmanager",
                "--config.file=" +
                    directory_.write("alertmanager.yml",
                                     "route: {receiver: none}\nreceivers: [{name: none}]\n"),
                "--storage.path=" + directory_.path() + "/data", "--web.listen-address=127.0.0.1:0",
                "--cluster.listen-address="}) {
  const auto line = process_.wait_for_line("msg=\"Listening on\"");
  if (!line) throw std::runtime_error("Alertmanager did not start:\n" + process_.output());
  port_ = static_cast<std::uint16_t>(std::atoi(line->c_str() + line->rfind(':') + 1));
}

std::string Alertmanager::url() const { return "http://127.0.0.1:" + std::to_string(port_); }

boost::json::array Alertmanager::listed(const std::string& name) const {
  HttpClient client(port_);
  const Message answer = client.get("/api/v2/alerts", "Connection: close\r\n");
  boost::json::array found;
  if (answer.status() != 200) return found;
  const boost::json::value body = boost::json::parse(answer.body);
  for (const boost::json::value& alert : body.as_array()) {
    if (alert.at("labels").at("alertname").as_string() == name) found.push_back(alert);
  }
  return found;
}

}  // namespace homeostat::test
