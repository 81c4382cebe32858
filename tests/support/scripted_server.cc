#include "support/scripted_server.h"

#include <strings.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "support/process.h"

namespace notifyd::test {
namespace {

/// What stands before a body; false where the peer has gone before.
bool ReadHead(Stream* stream, SeenRequest* request) {
  if (!stream->ReadHead(&request->head)) return false;
  request->head.resize(request->head.size() - 2);
  size_t space = request->head.find(' '), second = request->head.find(' ', space + 1);
  request->method = request->head.substr(0, space);
  request->target = request->head.substr(space + 1, second - space - 1);
  return true;
}

}  // namespace

std::string SeenRequest::Header(const std::string& name) const {
  for (size_t line = head.find("\r\n"); line != std::string::npos && line + 2 < head.size(); line = head.find("\r\n", line + 2)) {
    const char* at = head.c_str() + line + 2;
    if (strncasecmp(at, name.c_str(), name.size()) != 0 || at[name.size()] != ':') continue;
    std::string value = head.substr(line + 3 + name.size(), head.find("\r\n", line + 2) - line - 3 - name.size());
    return value.substr(std::min(value.size(), value.find_first_not_of(' ')));
  }
  return "";
}

StreamedRequest::StreamedRequest(Stream* stream, const SeenRequest& head) : stream_(stream), head_(head) {
  chunked_ = head.Header("transfer-encoding") == "chunked";
  if (!chunked_) left_ = std::strtoull(head.Header("content-length").c_str(), nullptr, 10);
  ended_ = !chunked_ && left_ == 0;
}

bool StreamedRequest::Read(std::string* piece) {
  if (ended_) return false;
  std::string line;
  if (chunked_ && left_ == 0) {
    if (!Line(&line)) return false;
    left_ = std::strtoull(line.c_str(), nullptr, 16);
    if (left_ == 0) {
      ended_ = Line(&line);
      return false;
    }
  }
  if (!stream_->MoreUntil(1)) return false;
  size_t size = std::min(left_, stream_->unread.size());
  stream_->ReadBytes(size, piece);
  left_ -= size;
  if (left_ > 0) return true;
  if (chunked_) return Line(&line);  // the line end behind a chunk
  ended_ = true;
  return true;
}

bool StreamedRequest::SendHead(int status, const std::string& content_type) {
  return Send("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + content_type + "\r\nTransfer-Encoding: chunked\r\n\r\n");
}

bool StreamedRequest::SendChunk(const std::string& text) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return text.empty() || Send(size + text + "\r\n");
}

ScriptedServer::ScriptedServer(Handler handler) : handler_(std::move(handler)), server_([this](Stream& stream, int) { Serve(stream); }) {}

ScriptedServer::ScriptedServer(Handler handler, const std::string& address)
    : handler_(std::move(handler)), server_([this](Stream& stream, int) { Serve(stream); }, address) {}

ScriptedServer::ScriptedServer(StreamHandler handler)
    : stream_handler_(std::move(handler)), server_([this](Stream& stream, int) { Serve(stream); }) {}

void ScriptedServer::Saw(const SeenRequest& request) {
  std::lock_guard<std::mutex> lock(mutex_);
  seen_.push_back(request);
  changed_.notify_all();
}

void ScriptedServer::Serve(Stream& stream) {
  for (SeenRequest request; ReadHead(&stream, &request); request = {}) {
    StreamedRequest streamed(&stream, request);
    if (stream_handler_) {
      Saw(request);
      stream_handler_(&streamed);
      return;
    }
    for (std::string piece; streamed.Read(&piece);) request.body += piece;
    if (!streamed.ended()) return;
    Saw(request);
    ScriptedAnswer answer = handler_(request);
    if (answer.status == 0) return;
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\nContent-Type: " + answer.content_type + "\r\n" + answer.headers +
                       "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n" + answer.body;
    if (!stream.Send(text)) return;
  }
}

std::vector<SeenRequest> ScriptedServer::WaitFor(size_t count) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(kDeadlineSeconds), [&] { return seen_.size() >= count; });
  return seen_;
}

std::vector<SeenRequest> ScriptedServer::seen() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return seen_;
}

}  // namespace notifyd::test
