// ServerResponder: the Api's answers to the server of its loop.
#pragma once

#include <string_view>
#include <utility>

#include "net/api/api.h"
#include "net/http.h"

namespace notifyd {

class ServerResponder : public Api::Responder {
 public:
  /// Borrowed.
  explicit ServerResponder(HttpServer* server) : server_(server) {}
  void Respond(uint64_t token, HttpResponse response) override { server_->Respond(token, std::move(response)); }
  void BeginStream(uint64_t token, HttpResponse head) override { server_->BeginStream(token, std::move(head)); }
  size_t Stream(uint64_t token, std::string_view piece) override { return server_->Stream(token, piece); }
  void EndStream(uint64_t token, bool close) override { server_->EndStream(token, close); }
  void BreakStream(uint64_t token) override { server_->BreakStream(token); }
  bool Reserve(uint64_t token, size_t bytes) override { return server_->Reserve(token, bytes); }
  void PauseBody(uint64_t token) override { server_->PauseBody(token); }
  void ResumeBody(uint64_t token) override { server_->ResumeBody(token); }

 private:
  HttpServer* server_;
};

}  // namespace notifyd
