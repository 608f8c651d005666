#include "tests/drain/cluster_model.h"

#include <algorithm>

namespace drainbow {
namespace {

using std::chrono::seconds;

constexpr seconds kQuiet{10};
// What is younger, a cleanup may not know yet when it writes.
constexpr seconds kEvidence{10};

Labels labels_of(const std::string& color) { return {{"app", "web"}, {"color", color}}; }

}  // namespace

ModelCluster::ModelCluster(Dice& dice, const Policy& policy, bool hands, int services)
    : dice_(dice), policy_(policy), hands_(hands), now_(*parse_rfc3339("2026-11-21T12:00:00Z")) {
  release();
  const std::string first = deployments_.begin()->second.template_labels.at("color");
  for (int i = 0; i < services; ++i) {
    const std::string name = i == 0 ? "web" : "line";
    services_[name] = {
        .name = name, .version = {next_uid(), next_version()}, .selector = labels_of(first)};
    slices_[name] = {.name = name + "-1", .version = {next_uid(), next_version()}, .service = name};
  }
  follow_selection();
}

void ModelCluster::note(const std::string& line) {
  trace_.push_back(to_rfc3339(now_).substr(11, 8) + " " + line);
}

void ModelCluster::violation(const std::string& what) {
  violations_.push_back(what);
  note("VIOLATION " + what);
}

std::vector<Deployment> ModelCluster::deployments() const {
  std::vector<Deployment> all;
  for (const auto& [name, deployment] : deployments_) all.push_back(deployment);
  return all;
}

std::vector<Service> ModelCluster::services() const {
  std::vector<Service> all;
  for (const auto& [name, service] : services_) all.push_back(service);
  return all;
}

std::vector<EndpointSlice> ModelCluster::slices() const {
  std::vector<EndpointSlice> all;
  for (const auto& [name, slice] : slices_) all.push_back(slice);
  return all;
}

std::vector<Pod> ModelCluster::pods() const {
  std::vector<Pod> all;
  for (const auto& [uid, pod] : pods_) all.push_back(pod.pod);
  return all;
}

const Deployment* ModelCluster::deployment(const std::string& name) const {
  const auto found = deployments_.find(name);
  return found == deployments_.end() ? nullptr : &found->second;
}

AgentAnswer ModelCluster::ask(const std::string& pod_uid) const {
  const auto found = pods_.find(pod_uid);
  if (found == pods_.end()) return {.problem = "connection refused"};
  const ModelPod& pod = found->second;
  const ModelAgent& agent = pod.agent;
  if (agent.fault == AgentFault::kSilent) return {.problem = "timed out"};
  if (agent.fault == AgentFault::kGarbage) return {.problem = "not a document"};
  if (!pod.pod.app_started) return {.problem = "connection refused"};
  AgentDocument document{.pod_uid = pod_uid};
  if (agent.fault == AgentFault::kWrongPod) document.pod_uid = "another";
  document.ever_selected = agent.ever_selected;
  document.quiet_period = kQuiet;
  document.quiet_for = now_ - agent.quiet_since;
  document.episode = std::to_string(agent.start) + ":" + std::to_string(agent.episode);
  document.complete = agent.fault != AgentFault::kIncomplete;
  if (agent.looked_at) {
    document.open = agent.open;
    document.sample_age = now_ - *agent.looked_at;
    document.selection_age = now_ - *agent.looked_at;
    document.selection =
        agent.sees_selected ? SelectionState::kSelected : SelectionState::kDeselected;
    document.verdict = Verdict::kDraining;  // the numbers count
  }
  if (agent.deselected_at) document.deselected_for = now_ - *agent.deselected_at;
  return {.document = std::move(document)};
}

// --- writes of a cleanup, and what must be true then -----------------------------------------

bool ModelCluster::cleanup_patch(const std::string& name, const ObjectVersion& judged,
                                 const DeploymentPatch& patch, Write kind) {
  const auto found = deployments_.find(name);
  if (found == deployments_.end() || found->second.version != judged) {
    ++stats_.conflicts;
    return false;
  }
  Deployment& deployment = found->second;
  const bool held = deployment.hold_until.get() != nullptr && *deployment.hold_until.get() > now_;
  if (held && (kind == Write::kMark || kind == Write::kScale)) {
    violation("a held color is marked or scaled: " + name);
  }
  if (kind == Write::kScale) check_scale(deployment);
  if (kind != Write::kScale && patch.replicas && *patch.replicas < deployment.replicas) {
    violation("pods are taken away without a verdict: " + name);
  }
  const ObjectVersion before = deployment.version;
  deployment = patched(deployment, patch);
  deployment.version = before;
  touch(deployment);
  stats_.marked += kind == Write::kMark ? 1 : 0;
  stats_.unmarked += kind == Write::kUnmark ? 1 : 0;
  stats_.scaled += kind == Write::kScale ? 1 : 0;
  stats_.restored += kind == Write::kRestore ? 1 : 0;
  return true;
}

void ModelCluster::check_scale(const Deployment& deployment) {
  const std::string& name = deployment.name;
  if (deployment.protect.get() != nullptr && *deployment.protect.get()) {
    violation("a protected color is scaled to zero: " + name);
  }
  if (selected(deployment)) {
    // By hand, a Service may come in the moment between the last re-read and the write.
    if (!hands_) violation("drainbow's own switch lost to a cleanup: " + name);
    if (now_ - selected_since_.at(name) > kEvidence) {
      violation("a selected color is scaled to zero: " + name);
    }
  }
  if (now_ - served_at_ > kEvidence) {
    violation("scaled to zero while no live color serves: " + name);
  }
  const auto until = selected_until_.find(name);
  if (until != selected_until_.end() && !selected(deployment) &&
      now_ - until->second < Policy::kLeastConfirm && now_ - until->second > kEvidence) {
    violation("scaled to zero so soon after it was selected: " + name);
  }
  for (const ModelPod* pod : pods_of(deployment)) check_pod_before_scale(deployment, *pod);
}

void ModelCluster::check_pod_before_scale(const Deployment& deployment, const ModelPod& pod) {
  if (is_over(pod.pod) || !pod.pod.app_started) return;
  for (const WallTime since : pod.connections) {
    if (now_ - since > kEvidence) violation("a connection is cut: " + pod.pod.name);
  }
  if (pod.agent.fault != AgentFault::kNone && now_ - pod.agent.fault_since > kEvidence) {
    violation("scaled to zero with an unknown pod: " + pod.pod.name);
  }
  for (const WallTime at : pod.opened) {
    if (now_ - at > kEvidence && now_ - at < Policy::kLeastConfirm) {
      violation("scaled to zero so soon after a connection came: " + deployment.name);
    }
  }
}

bool ModelCluster::cleanup_delete(const std::string& name, const ObjectVersion& judged) {
  const auto found = deployments_.find(name);
  if (found == deployments_.end() || found->second.version != judged) {
    ++stats_.conflicts;
    return false;
  }
  const Deployment& deployment = found->second;
  if (deployment.hold_until.get() != nullptr && *deployment.hold_until.get() > now_) {
    violation("a held color is deleted: " + name);
  }
  if (!hands_ && selected(deployment)) violation("a selected color is deleted: " + name);
  for (const ModelPod* pod : pods_of(deployment)) {
    if (!pod->connections.empty()) violation("a color with connections is deleted: " + name);
  }
  deployments_.erase(found);
  ++stats_.deleted;
  note("cleanup deleted " + name);
  return true;
}

void ModelCluster::cleanup_recreate(Deployment deployment) {
  if (deployments_.contains(deployment.name)) return;
  deployment.version = {next_uid(), next_version()};
  deployment.created = now_;
  deployment.available = false;
  note("cleanup created again " + deployment.name);
  deployments_[deployment.name] = std::move(deployment);
  ++stats_.recreated;
}

bool ModelCluster::switch_patch(const std::string& name, const ObjectVersion& judged,
                                const DeploymentPatch& patch) {
  const auto found = deployments_.find(name);
  if (found == deployments_.end() || found->second.version != judged) return false;
  found->second = patched(found->second, patch);
  touch(found->second);
  return true;
}

std::optional<ObjectVersion> ModelCluster::patch_service(const ServicePatch& patch) {
  const auto found = services_.find(patch.name);
  if (found == services_.end() || found->second.version != patch.version) return std::nullopt;
  found->second.selector = patch.selector;
  found->second.version.resource_version = next_version();
  follow_selection();
  return found->second.version;
}

// --- what else happens -------------------------------------------------------------------------

void ModelCluster::release() {
  const std::string color = "c" + std::to_string(++colors_);
  Deployment deployment{.name = "web-" + color,
                        .version = {next_uid(), next_version()},
                        .created = now_,
                        .template_labels = labels_of(color),
                        .selector = {.match_labels = labels_of(color)},
                        .replicas = 2};
  note("released " + deployment.name);
  deployments_[deployment.name] = std::move(deployment);
}

void ModelCluster::hand_select(const std::string& service, const std::string& color) {
  note("by hand: Service " + service + " selects " + color);
  services_.at(service).selector = labels_of(color);
  services_.at(service).version.resource_version = next_version();
  follow_selection();
}

void ModelCluster::hand_scale(const std::string& name, std::uint64_t replicas) {
  Deployment& deployment = deployments_.at(name);
  note("scaled by others: " + name + " to " + std::to_string(replicas));
  deployment.replicas = replicas;
  touch(deployment);
}

void ModelCluster::hand_protect(const std::string& name, bool protect) {
  note("protect " + name + (protect ? " on" : " off"));
  deployments_.at(name).protect = protect;
  touch(deployments_.at(name));
}

void ModelCluster::hand_touch_service(const std::string& name) {
  services_.at(name).version.resource_version = next_version();
}

void ModelCluster::hand_touch_deployment(const std::string& name) { touch(deployments_.at(name)); }

void ModelCluster::evict(const std::string& pod_uid, bool leaves_object) {
  ModelPod& pod = pods_.at(pod_uid);
  note("evicted " + pod.pod.name);
  if (!leaves_object) {
    pods_.erase(pod_uid);
    return;
  }
  pod.pod.phase = PodPhase::kFailed;
  pod.pod.ready = pod.pod.app_running = false;
  pod.connections.clear();
}

void ModelCluster::set_fault(const std::string& pod_uid, AgentFault fault) {
  ModelAgent& agent = pods_.at(pod_uid).agent;
  if (agent.fault == AgentFault::kNone || fault == AgentFault::kNone) agent.fault_since = now_;
  agent.fault = fault;
}

void ModelCluster::restart_agent(const std::string& pod_uid) {
  ModelAgent& agent = pods_.at(pod_uid).agent;
  ++agent.start;
  agent.episode = 1;
  agent.quiet_since = now_;
  agent.looked_at.reset();
}

void ModelCluster::connect(const std::string& pod_uid) {
  ModelPod& pod = pods_.at(pod_uid);
  if (!pod.pod.app_running) return;  // refused
  pod.connections.push_back(now_);
  pod.opened.push_back(now_);
  pod.agent.came_meanwhile = true;
}

void ModelCluster::calm() {
  for (auto& [uid, pod] : pods_) {
    pod.agent.fault = AgentFault::kNone;
    pod.connections.clear();
  }
  for (auto& [name, deployment] : deployments_) {
    if (deployment.protect.present()) hand_protect(name, false);
  }
  quiet_clients_ = true;
}

bool ModelCluster::selected(const Deployment& deployment) const {
  return std::ranges::any_of(services_, [&](const auto& entry) {
    return selects(entry.second.selector, deployment.template_labels);
  });
}

std::vector<std::string> ModelCluster::selected_colors() const {
  std::vector<std::string> names;
  for (const auto& [name, service] : services_) names.push_back(service.selector.at("color"));
  return names;
}

bool ModelCluster::known_to_have_been_live(const std::string& name) const {
  const Deployment& deployment = deployments_.at(name);
  return deployment.last_selected_at.present() ||
         std::ranges::any_of(pods_, [&](const auto& entry) {
           return entry.second.owner_uid == deployment.version.uid &&
                  entry.second.agent.ever_selected;
         });
}

void ModelCluster::follow_selection() {
  for (const auto& [name, deployment] : deployments_) {
    if (selected(deployment)) {
      selected_since_.try_emplace(name, now_);
      selected_until_[name] = now_;
    } else if (selected_since_.erase(name) > 0) {
      selected_until_[name] = now_;
    }
  }
}

// Some selected color has a ready pod.
void ModelCluster::follow_service() {
  for (const auto& [name, deployment] : deployments_) {
    if (!selected(deployment)) continue;
    const auto pods = pods_of(deployment);
    if (std::ranges::any_of(pods, [](const ModelPod* pod) { return pod->pod.ready; })) {
      served_at_ = now_;
    }
  }
}

// --- a second ----------------------------------------------------------------------------------

void ModelCluster::tick() {
  now_ += seconds(1);
  follow_selection();
  for (auto& [name, deployment] : deployments_) {
    if (dice_.percent(60)) reconcile(deployment);
  }
  advance_pods();
  follow_service();
  if (dice_.percent(50)) publish_slices();
  move_clients();
  for (auto& [uid, pod] : pods_) {
    const AgentFault fault = pod.agent.fault;
    const bool works = fault != AgentFault::kFrozen && pod.pod.app_started;
    if (works && dice_.percent(80)) refresh(pod);
  }
}

void ModelCluster::refresh(ModelPod& pod) {
  ModelAgent& agent = pod.agent;
  const bool is_selected = std::ranges::any_of(
      services_, [&](const auto& entry) { return selects(entry.second.selector, pod.pod.labels); });
  const bool left = agent.sees_selected && !is_selected;
  if (left) agent.deselected_at = now_;
  if (is_selected) agent.deselected_at.reset();
  if (left || agent.came_meanwhile) {
    ++agent.episode;
    agent.quiet_since = now_;
  }
  agent.came_meanwhile = false;
  agent.sees_selected = is_selected;
  agent.ever_selected = agent.ever_selected || is_selected;
  agent.open = pod.connections.size();
  agent.looked_at = now_;
}

std::vector<ModelPod*> ModelCluster::pods_of(const Deployment& deployment) {
  std::vector<ModelPod*> all;
  for (auto& [uid, pod] : pods_) {
    if (pod.owner_uid == deployment.version.uid) all.push_back(&pod);
  }
  return all;
}

void ModelCluster::reconcile(Deployment& deployment) {
  std::vector<ModelPod*> active = pods_of(deployment);
  std::erase_if(active, [](const ModelPod* pod) { return is_over(pod->pod); });
  if (active.size() > deployment.replicas) {
    pods_.erase(active.back()->pod.uid);
    active.pop_back();
  } else if (active.size() < deployment.replicas) {
    ModelPod pod{.owner_uid = deployment.version.uid};
    pod.pod = {.uid = next_uid(),
               .labels = deployment.template_labels,
               .phase = PodPhase::kPending,
               .has_agent = true};
    pod.pod.name = deployment.name + "-" + pod.pod.uid;
    pods_[pod.pod.uid] = std::move(pod);
  }
  const auto ready =
      std::ranges::count_if(active, [](const ModelPod* one) { return one->pod.ready; });
  const bool available = static_cast<std::uint64_t>(ready) >= deployment.replicas;
  if (available == deployment.available) return;
  deployment.available = available;
  touch(deployment);
}

void ModelCluster::advance_pods() {
  std::erase_if(pods_, [&](const auto& entry) {
    return std::ranges::none_of(deployments_, [&](const auto& owner) {
      return owner.second.version.uid == entry.second.owner_uid;
    });
  });
  for (auto& [uid, pod] : pods_) {
    if (is_over(pod.pod) || pod.pod.ready || !dice_.percent(40)) continue;
    if (!pod.pod.app_started) {
      pod.pod.phase = PodPhase::kRunning;
      pod.pod.app_started = pod.pod.app_running = true;
      pod.agent.quiet_since = now_;
    } else {
      pod.pod.ready = true;
    }
  }
}

void ModelCluster::publish_slices() {
  for (auto& [name, slice] : slices_) {
    std::vector<SliceEndpoint> endpoints;
    for (const auto& [uid, pod] : pods_) {
      if (pod.pod.ready && selects(services_.at(name).selector, pod.pod.labels)) {
        endpoints.push_back({uid, {}});
      }
    }
    const auto same = [](const SliceEndpoint& a, const SliceEndpoint& b) {
      return a.target_uid == b.target_uid;
    };
    if (std::ranges::equal(endpoints, slice.endpoints, same)) continue;
    slice.endpoints = std::move(endpoints);
    slice.version.resource_version = next_version();
  }
}

void ModelCluster::move_clients() {
  for (auto& [uid, pod] : pods_) {
    std::erase_if(pod.connections, [&](WallTime) { return dice_.one_in(40); });
    std::erase_if(pod.opened, [&](WallTime at) { return now_ - at > Policy::kLeastConfirm; });
    if (quiet_clients_ || !pod.pod.ready) continue;
    const bool routed = std::ranges::any_of(services_, [&](const auto& entry) {
      return selects(entry.second.selector, pod.pod.labels);
    });
    // An old address is used now and then.
    if (routed ? dice_.one_in(6) : dice_.one_in(300)) connect(uid);
  }
}

}  // namespace drainbow
