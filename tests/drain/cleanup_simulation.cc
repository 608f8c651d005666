#include "tests/drain/cleanup_simulation.h"

#include <algorithm>
#include <memory>

namespace drainbow {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::string_view kColorLabel = "color";

std::vector<Pod> pods_of(const Inventory& look, const std::string& deployment) {
  std::vector<Pod> pods;
  for (const Deployment& one : look.deployments) {
    if (!deployment.empty() && one.name != deployment) continue;
    for (const Pod& pod : look.pods) {
      if (matches(one.selector, pod.labels)) pods.push_back(pod);
    }
  }
  return pods;
}

Write write_of(ActionKind kind) {
  switch (kind) {
    case ActionKind::kMark:
      return Write::kMark;
    case ActionKind::kUnmark:
      return Write::kUnmark;
    case ActionKind::kScaleToZero:
      return Write::kScale;
    case ActionKind::kRestore:
      return Write::kRestore;
    case ActionKind::kRecord:
    case ActionKind::kLeave:
    case ActionKind::kWait:
    case ActionKind::kDelete:
      break;
  }
  return Write::kBookkeeping;
}

}  // namespace

// --- the cleanup -------------------------------------------------------------------------------

bool CleanupRun::step() {
  switch (at_) {
    case At::kDeployments:
      look_ = {.deployments = cluster_.deployments()};
      at_ = At::kServices;
      return true;
    case At::kServices:
      look_.services = cluster_.services();
      at_ = At::kSlices;
      return true;
    case At::kSlices:
      look_.slices = cluster_.slices();
      at_ = At::kPods;
      return true;
    case At::kPods:
      look_.pods = cluster_.pods();
      at_ = At::kAgents;
      return true;
    case At::kAgents:
      ask_next(look_, "");
      if (asked_all(look_, "")) at_ = At::kPlan;
      return true;
    case At::kPlan:
      distort(look_);
      plan_ = plan_cleanup(look_, config_, cluster_.now());
      index_ = 0;
      at_ = At::kAct;
      return true;
    case At::kAct:
      return act();
    case At::kSecondServices:
      second_ = look_;
      second_began_ = cluster_.now();
      second_.services = cluster_.services();
      at_ = At::kSecondSlices;
      return true;
    case At::kSecondSlices:
      second_.slices = cluster_.slices();
      at_ = At::kSecondPods;
      return true;
    case At::kSecondPods:
      second_pods();
      return true;
    case At::kSecondAgents:
      ask_next(second_, action().deployment);
      if (asked_all(second_, action().deployment)) at_ = At::kScale;
      return true;
    case At::kScale:
      scale();
      return true;
    case At::kBeforeDelete:
      before_delete();
      return true;
    case At::kDelete:
      at_ = cluster_.cleanup_delete(action().deployment, version_to_write()) ? At::kAfterDelete
                                                                             : At::kAct;
      if (at_ == At::kAct) next();
      return true;
    case At::kAfterDelete:
      after_delete();
      return true;
    case At::kVerify:
      if (cluster_.now() >= verify_until_) at_ = At::kDeployments;
      return true;
  }
  return false;
}

std::string CleanupRun::taking_away() const {
  const bool at_it = at_ == At::kSecondServices || at_ == At::kSecondSlices ||
                     at_ == At::kSecondPods || at_ == At::kSecondAgents || at_ == At::kScale ||
                     at_ == At::kBeforeDelete || at_ == At::kDelete || at_ == At::kAfterDelete;
  if (at_it) return action().deployment;
  return at_ == At::kVerify ? last_scaled_ : "";
}

ObjectVersion CleanupRun::version_to_write() const {
  const Deployment* current = cluster_.deployment(action().deployment);
  if (bug_ == PlantedBug::kRefreshVersion && current != nullptr) return current->version;
  return action().judged;
}

// Answers are taken one a step: others act between any two.
void CleanupRun::ask_next(Inventory& look, const std::string& of_deployment) {
  for (const Pod& pod : pods_of(look, of_deployment)) {
    if (look.answers.contains(pod.uid)) continue;
    look.answers[pod.uid] = cluster_.ask(pod.uid);
    return;
  }
}

bool CleanupRun::asked_all(const Inventory& look, const std::string& of_deployment) const {
  return std::ranges::all_of(pods_of(look, of_deployment),
                             [&](const Pod& pod) { return look.answers.contains(pod.uid); });
}

// Plants a bug: the run believes what is not so.
void CleanupRun::distort(Inventory& look) const {
  if (bug_ == PlantedBug::kIgnoreUnknown) {
    std::erase_if(look.pods, [&](const Pod& pod) {
      const auto answer = look.answers.find(pod.uid);
      return answer != look.answers.end() &&
             (!answer->second.document || !answer->second.document->complete ||
              answer->second.document->pod_uid != pod.uid);
    });
  }
  const Families families = find_families(look, kColorLabel, config_.policy);
  for (Deployment& deployment : look.deployments) {
    if (bug_ == PlantedBug::kForgetHold) deployment.hold_until = {};
    if (bug_ == PlantedBug::kJudgeScaledByVerdict) deployment.scaled_at = {};
    if (bug_ != PlantedBug::kTrustOldMark || deployment.mark.get() == nullptr) continue;
    Mark mark = *deployment.mark.get();
    for (const auto& [uid, answer] : look.answers) {
      if (answer.document) mark.episodes[uid] = answer.document->episode;
    }
    mark.services.clear();
    for (const Service& service : look.services) mark.services[service.name] = service.version;
    deployment.mark = mark;
  }
}

bool CleanupRun::act() {
  while (index_ < plan_.size() && action().patch.empty() && action().kind != ActionKind::kDelete) {
    ++index_;
  }
  if (index_ == plan_.size()) {
    if (!scaled_ || verified_) return false;
    verified_ = true;
    verify_until_ = cluster_.now() + seconds(31);
    at_ = At::kVerify;
    return true;
  }
  if (action().kind == ActionKind::kScaleToZero) {
    at_ = bug_ == PlantedBug::kSkipSecondRead ? At::kScale : At::kSecondServices;
    return true;
  }
  if (action().kind == ActionKind::kDelete) {
    at_ = At::kBeforeDelete;
    return true;
  }
  cluster_.note("cleanup: " + std::string(to_string(action().kind)) + " " + action().deployment +
                " (" + action().reasons[0].code + ")");
  cluster_.cleanup_patch(action().deployment, version_to_write(), action().patch,
                         write_of(action().kind));
  ++index_;
  return true;
}

void CleanupRun::second_pods() {
  second_.pods = cluster_.pods();
  for (const Pod& pod : pods_of(second_, action().deployment)) second_.answers.erase(pod.uid);
  for (Deployment& deployment : second_.deployments) {
    const Deployment* current = cluster_.deployment(deployment.name);
    if (deployment.name != action().deployment && current != nullptr) deployment = *current;
  }
  at_ = At::kSecondAgents;
}

void CleanupRun::scale() {
  DeploymentPatch patch = action().patch;
  if (bug_ != PlantedBug::kSkipSecondRead) {
    distort(second_);
    const SecondLook look = look_again_before_scale(
        action(), second_, cluster_.now() - second_began_, config_, cluster_.now());
    if (!look.objections.empty()) {
      ++cluster_.stats().objections;
      return next();
    }
    patch = look.patch;
  }
  cluster_.note("cleanup: scale to zero " + action().deployment);
  if (cluster_.cleanup_patch(action().deployment, version_to_write(), patch, Write::kScale)) {
    scaled_ = true;
    last_scaled_ = action().deployment;
  }
  next();
}

void CleanupRun::before_delete() {
  if (objections_to_delete(action(), look_, cluster_.services(), config_).empty()) {
    at_ = At::kDelete;
    return;
  }
  ++cluster_.stats().objections;
  next();
}

void CleanupRun::after_delete() {
  if (const auto again = recreate_after_delete(action(), look_, cluster_.services(), config_)) {
    cluster_.cleanup_recreate(again->deployment);
  }
  next();
}

// --- the switch --------------------------------------------------------------------------------

bool SwitchRun::step() {
  switch (at_) {
    case At::kBegin:
      begin();
      break;
    case At::kWait:
      wait();
      break;
    case At::kRepoint:
      repoint();
      break;
    case At::kFinish:
      finish();
      break;
    case At::kLeave:
      leave();
      break;
    case At::kPutBack:
      put_back_one();
      break;
  }
  return !ended_;
}

void SwitchRun::fail(const std::string& why) {
  cluster_.note("switch to " + target_ + " failed: " + why);
  ++cluster_.stats().switches_failed;
  ended_ = true;
}

void SwitchRun::begin() {
  if (--patience_ == 0) return fail("written all the time");
  const Inventory look = {.deployments = cluster_.deployments(),
                          .services = cluster_.services(),
                          .slices = {},
                          .pods = cluster_.pods()};
  const auto start = begin_switch(look, {target_, 1}, kColorLabel, cluster_.now());
  if (!start) return fail(start.error().message);
  start_ = *start;
  hold_until_ = cluster_.now() + std::chrono::ceil<seconds>(kHold);
  if (!cluster_.switch_patch(target_, start_->judged, start_->patch)) return;  // read again
  cluster_.note("switch to " + target_ + " begins");
  at_ = At::kWait;
}

void SwitchRun::wait() {
  const Deployment* target = cluster_.deployment(target_);
  if (--patience_ <= 0 || target == nullptr) return fail("not ready");
  if (const auto renewal = renewed_hold(hold_left(), cluster_.now())) {
    const WallTime until = cluster_.now() + std::chrono::ceil<seconds>(kHold);
    if (cluster_.switch_patch(target_, target->version, *renewal)) hold_until_ = until;
    return;
  }
  if (pods_are_ready(*target, cluster_.pods())) at_ = At::kRepoint;
}

void SwitchRun::repoint() {
  const Deployment* target = cluster_.deployment(target_);
  if (index_ == start_->services.size()) {
    at_ = At::kFinish;
    return;
  }
  const Service& service = start_->services[index_++];
  std::optional<ObjectVersion> version;
  if (target != nullptr && repoint_problems(*start_, *target, hold_left()).empty()) {
    version = cluster_.patch_service(repointed(service, kColorLabel, start_->color));
  }
  if (!version) {
    at_ = At::kPutBack;
    return;
  }
  cluster_.note("switch: Service " + service.name + " selects " + start_->color);
  patched_.emplace_back(service, *version);
}

void SwitchRun::finish() {
  const Deployment* target = cluster_.deployment(target_);
  if (target == nullptr || !target_problems(*start_, *target).empty()) {
    at_ = At::kPutBack;
    return;
  }
  if (!cluster_.switch_patch(target_, target->version, finished_target(cluster_.now()))) return;
  at_ = At::kLeave;
}

void SwitchRun::leave() {
  for (const std::string& name : start_->leaves) {
    const Deployment* left = cluster_.deployment(name);
    if (left != nullptr) cluster_.switch_patch(name, left->version, left_color(cluster_.now()));
  }
  ++cluster_.stats().switches;
  ended_ = true;
}

void SwitchRun::put_back_one() {
  if (patched_.empty()) return fail("put back");
  const auto [before, version] = patched_.back();
  patched_.pop_back();
  if (cluster_.patch_service(put_back(before, version))) {
    cluster_.note("switch: Service " + before.name + " put back");
    ++cluster_.stats().put_back;
  }
}

// --- all of it ---------------------------------------------------------------------------------

namespace {

class Simulation {
 public:
  Simulation(std::uint64_t seed, PlantedBug bug)
      : dice_(seed),
        bug_(bug),
        hands_(dice_.one_in(2)),
        peace_(dice_.one_in(2) ? 1 : 4),
        config_{.policy = {.keep = dice_.below(2),
                           .retain = dice_.one_in(4) ? Millis(minutes(3)) : Millis(0),
                           .min_color_age = minutes(1),
                           .confirm_after = minutes(1)}},
        cluster_(dice_, config_.policy, hands_, 1 + static_cast<int>(dice_.below(2))) {}

  SimulationResult run() {
    cluster_.note(hands_ ? "with hands" : "without hands");
    for (int i = 0; i < 20; ++i) cluster_.tick();
    for (int i = 0; i < 6000 && cluster_.violations().empty(); ++i) something_happens();
    if (cluster_.violations().empty()) settle();
    return {cluster_.violations(), cluster_.trace(), cluster_.stats()};
  }

 private:
  void something_happens() {
    const bool deleting =
        std::ranges::any_of(runs_, [](const auto& run) { return run && run->about_to_delete(); });
    if (dice_.one_in(deleting ? 6 : 25)) return somebody_wants_it_back();
    const std::size_t roll = dice_.below(100);
    if (roll < 25) return pass(1 + static_cast<int>(dice_.below(2)));
    if (roll < 26 && dice_.one_in(2)) return pass(20 + static_cast<int>(dice_.below(80)));
    if (roll < 80) return step_a_run();
    if (roll < 92) return step_a_switch();
    if (roll < 97 && !dice_.one_in(peace_)) return;
    if (roll < 94) return disturb_an_agent();
    if (roll < 96) return writers();
    if (roll < 97 && hands_ && dice_.one_in(3)) return hands();
    if (roll < 98 && dice_.one_in(8)) return release();
    // An hour without new clients, now and then: else hardly a color drains.
    if (roll < 99 && dice_.one_in(4)) cluster_.quiet_clients(dice_.percent(70));
  }

  void pass(int seconds) {
    for (int i = 0; i < seconds; ++i) cluster_.tick();
  }

  void step_a_run() {
    std::unique_ptr<CleanupRun>& run = runs_[dice_.one_in(3) ? 1 : 0];
    if (!run) {
      if (dice_.one_in(4)) run = std::make_unique<CleanupRun>(cluster_, config_, bug_);
      return;
    }
    if (dice_.one_in(150)) {
      cluster_.note("a cleanup is killed");
      died_after_delete_ = died_after_delete_ || run->between_delete_and_reread();
      run.reset();
    } else if (!run->step()) {
      run.reset();
    }
  }

  void step_a_switch() {
    std::unique_ptr<SwitchRun>& run = switches_[dice_.one_in(3) ? 1 : 0];
    if (!run) {
      const std::string target = any_deployment();
      if (dice_.one_in(12 * peace_)) run = std::make_unique<SwitchRun>(cluster_, target);
      return;
    }
    if (dice_.one_in(60)) {
      cluster_.note("a switch is killed");
      run.reset();
    } else if (!run->step()) {
      run.reset();
    }
  }

  // At the worst moment: while a cleanup takes a color away, or has just done so.
  void somebody_wants_it_back() {
    for (const auto& run : runs_) {
      const std::string name = run ? run->taking_away() : "";
      if (name.empty() || !dice_.one_in(2)) continue;
      // Another run has deleted it meanwhile: what is long gone, nobody wants.
      const bool gone = cluster_.deployment(name) == nullptr;
      if (gone && !run->between_delete_and_reread()) continue;
      if (hands_ && dice_.one_in(2)) {
        const std::vector<Service> services = cluster_.services();
        return cluster_.hand_select(services[dice_.below(services.size())].name,
                                    name.substr(std::string("web-").size()));
      }
      for (auto& one : switches_) {
        if (!one) one = std::make_unique<SwitchRun>(cluster_, name);
      }
    }
  }

  std::string any_deployment() {
    const std::vector<Deployment> all = cluster_.deployments();
    return all.empty() ? "none" : all[dice_.below(all.size())].name;
  }

  void disturb_an_agent() {
    const std::vector<Pod> pods = cluster_.pods();
    if (pods.empty()) return;
    const std::string& uid = pods[dice_.below(pods.size())].uid;
    switch (dice_.below(8)) {
      case 0:
        return cluster_.restart_agent(uid);
      case 1:
        if (dice_.one_in(4)) cluster_.evict(uid, dice_.one_in(2));
        return;
      case 2:
        return cluster_.set_fault(uid, static_cast<AgentFault>(1 + dice_.below(5)));
      case 3:
        return cluster_.connect(uid);
      default:
        for (const Pod& pod : pods) cluster_.set_fault(pod.uid, AgentFault::kNone);
    }
  }

  // Autoscalers and GitOps tools: they raise, write the same again, touch annotations.
  void writers() {
    const std::string name = any_deployment();
    const Deployment* deployment = cluster_.deployment(name);
    if (deployment == nullptr) return;
    switch (dice_.below(5)) {
      case 0:
        if (dice_.one_in(4)) cluster_.hand_scale(name, deployment->replicas + 1);
        return;
      case 1:
        if (dice_.one_in(4))
          cluster_.hand_scale(name, std::max<std::uint64_t>(deployment->replicas, 2));
        return;
      case 2:
        if (dice_.one_in(3)) cluster_.hand_touch_service("web");
        return;
      default:
        return cluster_.hand_touch_deployment(name);
    }
  }

  void hands() {
    const std::string name = any_deployment();
    const Deployment* deployment = cluster_.deployment(name);
    if (deployment == nullptr) return;
    const std::string color = deployment->template_labels.at("color");
    const std::vector<Service> services = cluster_.services();
    const std::string& service = services[dice_.below(services.size())].name;
    switch (dice_.below(6)) {
      case 0:
        return cluster_.hand_scale(name, dice_.below(4));
      case 1:
        return cluster_.hand_protect(name, dice_.one_in(3));
      default:
        return cluster_.hand_select(service, color);
    }
  }

  void release() {
    if (cluster_.deployments().size() < 6) cluster_.release();
  }

  // --- at the end, nobody disturbs any more ----------------------------------------------------

  void whole_run() {
    CleanupRun run(cluster_, config_, bug_);
    for (int steps = 0; run.step(); ++steps) {
      if (steps % 20 == 0) cluster_.tick();
      if (steps > 20'000) return cluster_.violation("a run does not end");
    }
  }

  void settle() {
    cluster_.note("--- nobody disturbs any more");
    died_after_delete_ = died_after_delete_ || std::ranges::any_of(runs_, [](const auto& run) {
                           return run && run->between_delete_and_reread();
                         });
    for (auto& run : runs_) run.reset();
    for (auto& run : switches_) run.reset();
    cluster_.calm();
    pass(10);
    whole_run();
    check_restored();
    a_person_looks();
    pass(180);  // holds end
    for (int i = 0; i < 12; ++i) {
      whole_run();
      pass(60);
    }
    check_gone();
  }

  // One whole run repairs what the killed ones left.
  void check_restored() {
    for (const Deployment& deployment : cluster_.deployments()) {
      if (!cluster_.selected(deployment)) continue;
      if (deployment.scaled_at.present()) {
        cluster_.violation("selected and left at zero: " + deployment.name);
      }
    }
    for (const std::string& color : cluster_.selected_colors()) {
      if (cluster_.deployment("web-" + color) == nullptr && !died_after_delete_) {
        cluster_.violation("selected and gone: web-" + color);
      }
    }
  }

  // Whatever people themselves broke, they repair: a color at zero that is selected, a Service that
  // selects nothing.
  void a_person_looks() {
    for (const Service& service : cluster_.services()) {
      const std::string name = "web-" + service.selector.at("color");
      if (cluster_.deployment(name) == nullptr) {
        if (cluster_.deployments().empty()) cluster_.release();
        const Deployment to = cluster_.deployments().back();
        cluster_.hand_select(service.name, to.template_labels.at("color"));
      }
    }
    whole_run();
    for (const Deployment& deployment : cluster_.deployments()) {
      if (cluster_.selected(deployment) && deployment.replicas == 0) {
        cluster_.hand_scale(deployment.name, 2);
      }
    }
  }

  void check_gone() {
    std::uint64_t left = 0;
    std::string names;
    for (const Deployment& deployment : cluster_.deployments()) {
      if (cluster_.selected(deployment)) {
        if (deployment.replicas == 0) {
          cluster_.violation("selected and at zero in the end: " + deployment.name);
        }
        continue;
      }
      if (!cluster_.known_to_have_been_live(deployment.name)) continue;  // a pre-release
      ++left;
      names += " " + deployment.name;
    }
    if (left > config_.policy.keep) cluster_.violation("drained and never taken away:" + names);
  }

  Dice dice_;
  const PlantedBug bug_;
  const bool hands_;
  const std::size_t peace_;  // the rarer are disturbances, the more colors drain and go
  const CleanupConfig config_;
  ModelCluster cluster_;
  std::unique_ptr<CleanupRun> runs_[2];
  std::unique_ptr<SwitchRun> switches_[2];
  bool died_after_delete_ = false;
};

}  // namespace

SimulationResult simulate(std::uint64_t seed, PlantedBug bug) {
  return Simulation(seed, bug).run();
}

}  // namespace drainbow
