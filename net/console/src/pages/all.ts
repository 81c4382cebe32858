// Every page by its name in the URL.
import type { ComponentType } from "preact";
import type { Word } from "../text";
import { Audit, Namespaces, Tokens } from "./admin";
import { Alerts } from "./alerts";
import { Callers } from "./callers";
import { Cluster } from "./cluster";
import { Destination, Destinations, ServicePage } from "./destinations";
import { Fkeys } from "./fkeys";
import { GroupPage, Groups } from "./groups";
import { LanePage, Lanes } from "./lanes";
import { NotifyPage } from "./notify";
import { Notifies } from "./notifies";
import { Overview } from "./overview";
import { SchedulePage, Schedules } from "./schedules";
import { EventPage, TopicPage, Topics } from "./topics";
import { Submit } from "./submit";

export interface PageRow {
  title: Word;
  shown: ComponentType;
  own?: boolean; // has a place of its own in the navigation
}

const kPages: Record<string, PageRow> = {
  overview: { title: "nav_overview", shown: Overview },
  destinations: { title: "nav_destinations", shown: Destinations },
  destination: { title: "nav_destinations", shown: Destination },
  service: { title: "nav_destinations", shown: ServicePage },
  lanes: { title: "nav_lanes", shown: Lanes },
  lane: { title: "nav_lanes", shown: LanePage },
  fkeys: { title: "nav_fkeys", shown: Fkeys },
  groups: { title: "nav_groups", shown: Groups },
  group: { title: "nav_groups", shown: GroupPage },
  topics: { title: "nav_topics", shown: Topics },
  topic: { title: "nav_topics", shown: TopicPage },
  event: { title: "nav_topics", shown: EventPage },
  schedules: { title: "nav_schedules", shown: Schedules },
  schedule: { title: "nav_schedules", shown: SchedulePage },
  callers: { title: "nav_callers", shown: Callers },
  cluster: { title: "nav_cluster", shown: Cluster },
  namespaces: { title: "nav_namespaces", shown: Namespaces },
  tokens: { title: "nav_tokens", shown: Tokens },
  audit: { title: "nav_audit", shown: Audit },
  alerts: { title: "nav_alerts", shown: Alerts },
  notifies: { title: "nav_notifies", shown: Notifies },
  notify: { title: "nav_notifies", shown: NotifyPage },
  submit: { title: "nav_submit", shown: Submit, own: true },
};

/// A name that no page has leads nowhere.
export const pageOf = (name: string): PageRow | undefined => (Object.hasOwn(kPages, name) ? kPages[name] : undefined);
