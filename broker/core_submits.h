// Takes the items of a submit, whose keys may stand in its way or make it a duplicate: planned whole, then carried out. Included by broker/core*.cc
// alone.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "broker/core_impl.h"

namespace notifyd {

/// What is, while there is no room (Core::Impl::Room).
inline constexpr char kSubmitsRefused[] = "submits are refused";

/// For one run of a task.
class Core::Impl::Submits {
 public:
  Submits(Core::Impl* core, Task* task) : core_(*core), task_(task) {}
  /// Accepts or refuses without an answer. Nothing: the task must wait, and nothing was done.
  using Taken = std::variant<Refused, Submitted>;
  std::optional<Taken> Take(const SubmitRequest& r);
  /// Judges items that have no keys as Take does, and takes what they cost of the rate; `refused` is the refusal of the whole, where it is one.
  /// Returns false where the task must wait, and nothing was done.
  bool Judge(const SubmitRequest& r, std::optional<Refused>* refused);

 private:
  struct Plan;
  struct Context;
  class Source;
  /// Asks for all that judging them, and taking them, needs. Returns false where the task must wait for it.
  bool Need(const SubmitRequest& r);
  Status PlanKeyed(const SubmitRequest& r, const SubmitItem& item, const Context& context, Plan* plan);
  Status PlanHeld(const SubmitRequest& r, size_t i, const Context& context, Plan* plan);
  /// `plan->in_the_way` says of an error what is in the way, where something is.
  Status PlanItem(const SubmitRequest& r, size_t i, Context* context, Plan* plan);
  /// Plans all items and takes what they cost of the rate. Returns the refusal of the whole, where it is one. Where it leaves task_->unmerged set, it
  /// has taken and refused nothing.
  std::optional<Refused> PlanAll(const SubmitRequest& r, std::vector<Plan>* plan);
  Submitted CarryOut(const SubmitRequest& r, const std::vector<Plan>& plan);

  Core::Impl& core_;
  Task* const task_;
};

}  // namespace notifyd
