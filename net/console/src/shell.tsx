// What stands around every page: where one is, where one can go, who one is.
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem, downSince, get, inCluster, logOut, may, ofAll, session, space, unbound } from "./api";
import { understand, queryOf } from "./filter";
import { parseTime, shortTime } from "./format";
import { help, kGo, listOf, onKey } from "./keys";
import { WatchAlerts, fresh, live, liveRefused, staleSince, useAlertCounts } from "./live";
import { usePoll } from "./poll";
import { go, href, useRoute } from "./route";
import { useStore } from "./store";
import { isolated, language, speak, t, type Word } from "./text";
import { theme, turn } from "./theme";
import { Dialog, Fault, Icon, Title, Toast, say } from "./ui";
import type { Namespace, Page } from "./types";
import { Login } from "./pages/login";
import { pageOf } from "./pages/all";

interface Group {
  title: Word;
  pages: [string, string[]][]; // name, one of the scopes that it takes
}
const kGroups: Group[] = [
  { title: "nav_look", pages: [["overview", ["read"]], ["destinations", ["read"]], ["lanes", ["read"]], ["callers", ["read"]], ["alerts", ["read"]]] },
  { title: "nav_find", pages: [["notifies", ["read"]], ["fkeys", ["read", "submit"]], ["submit", ["submit"]]] },
  { title: "nav_make", pages: [["groups", ["read"]], ["topics", ["read"]], ["schedules", ["read"]]] },
  { title: "nav_admin", pages: [["namespaces", ["read", "admin"]], ["cluster", ["admin"]], ["tokens", ["admin"]], ["audit", ["admin"]]] },
];

/// One of these it takes; none: whoever comes to it sees as much as he may.
const scopesOf = (page: string): string[] => kGroups.flatMap((group) => group.pages).find(([name]) => name === page)?.[1] ?? [];

/// Where somebody lands who may not look.
export function firstPage(): string {
  for (const group of kGroups) for (const [name, scopes] of group.pages) if (may(...scopes)) return name;
  return "overview";
}

function Navigation({ page, close }: { page: string; close: () => void }) {
  const now = useStore(live);
  const firing = useAlertCounts(now)?.firing ?? 0;
  const list = listOf(page);
  const here = list && !pageOf(page)?.own ? list : page;
  return (
    <nav id="nav" aria-label={t("nav_title")}>
      {kGroups.map((group) => {
        const shown = group.pages.filter(([name, scopes]) => may(...scopes) && (name !== "lanes" || unbound()) && (name !== "alerts" || ofAll()) && (name !== "cluster" || inCluster()));
        if (shown.length === 0) return null;
        return (
          <div key={group.title}>
            <h2>{t(group.title)}</h2>
            <ul>
              {shown.map(([name]) => (
                <li key={name}>
                  <a href={href(name)} aria-current={here === name ? "page" : undefined} onClick={close}>
                    {t(`nav_${name}` as Word)}
                    {name === "alerts" && firing > 0 ? <span class="pill">{firing}</span> : null}
                    {kGo.some(([, of]) => of === name) ? <kbd aria-hidden="true">g {kGo.find(([, of]) => of === name)![0]}</kbd> : null}
                  </a>
                </li>
              ))}
            </ul>
          </div>
        );
      })}
    </nav>
  );
}

/// In place of a page that the token may do nothing with.
function NotYours({ page }: { page: string }) {
  return (
    <>
      <Title>{t(`nav_${page}` as Word)}</Title>
      <Fault problem={new Problem(403, "", t("page_scopes", { scopes: scopesOf(page).join(", ") }))} />
    </>
  );
}

/// In place of a page that there is not.
function Nowhere() {
  return (
    <>
      <Title>{t("nowhere_title")}</Title>
      <p>
        {t("nowhere_text")} <a href={href(firstPage())}>{t("nowhere_back")}</a>
      </p>
    </>
  );
}

function Search() {
  const [text, setText] = useState("");
  return (
    <form
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const meant = understand(text, parseTime);
        if (!meant) return;
        if ("strange" in meant) return say(t("search_strange", { text: meant.strange }), true);
        setText("");
        (document.activeElement as HTMLElement | null)?.blur();
        go("id" in meant ? href("notify", [meant.id]) : href("notifies", [], queryOf(meant.filter)));
      }}
    >
      <Icon name="search" />
      <input id="search" type="search" aria-label={t("search")} placeholder={t("search_hint")} value={text} autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
    </form>
  );
}

function Spaces() {
  const all = usePoll<Page<Namespace>>("/v1/namespaces?limit=1000", (signal) => get("/v1/namespaces?limit=1000", signal), 60_000);
  const now = space();
  const names = (all.data?.items ?? []).map((item) => item.name);
  if (!names.includes(now)) names.unshift(now);
  const { page } = useRoute();
  return (
    <label class="spaces">
      <span>{t("namespace")}</span>
      <select aria-label={t("namespace")} value={now} onChange={(event) => go(href(listOf(page) ?? page, [], { ns: event.currentTarget.value }))}>
        {names.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function Help() {
  const rows: [string, string][] = [
    ["j  k", t("key_move")],
    ["Enter", t("key_open")],
    ["/", t("key_search")],
    ["Esc", t("key_close")],
    ["T", t("key_theme")],
    ["?", t("key_help")],
    ...kGo.map(([key, page]): [string, string] => [`g ${key}`, t(`nav_${page}` as Word)]),
  ];
  return (
    <Dialog title={t("keys_help")} close={() => help.set(false)}>
      <dl class="keys">
        {rows.map(([key, text]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

function Who() {
  const now = useStore(session);
  if (now.state !== "open") return null;
  const { who } = now;
  const changes = may("operate", "admin", "submit");
  return (
    <span class="who" title={who.asked ? t("who", { name: who.name }) : t("who_anybody")}>
      {who.asked ? <bdi>{who.name}</bdi> : null}
      {changes ? null : <span class="badge t-plain">{t("read_only")}</span>}
      {who.asked && sessionHasToken() ? (
        <button type="button" class="small" onClick={logOut}>
          {t("log_out")}
        </button>
      ) : null}
    </span>
  );
}
const sessionHasToken = (): boolean => {
  try {
    return sessionStorage.getItem("notifyd.token") !== null;
  } catch {
    return false;
  }
};

/// Nothing answers, or what answers tells nothing of now.
function Down() {
  const since = useStore(downSince);
  const stale = useStore(staleSince);
  const refusal = useStore(liveRefused);
  if (since === null && stale === null) return null;
  return (
    <div class="banner bad" role="alert">
      <Icon name="bad" />
      {since !== null ? t("down", { time: shortTime(since) }) : refusal ? t("stale_refused", { time: shortTime(stale!), why: isolated(refusal.detail || t("error_other", { status: refusal.status })) }) : t("stale", { time: shortTime(stale!) })}
    </div>
  );
}

function Undelivered() {
  const now = useStore(live);
  const n = useAlertCounts(now)?.undelivered ?? 0;
  if (n === 0) return null;
  return (
    <div class="banner warn" role="alert">
      <Icon name="warn" />
      <a href={href("alerts")}>{t("alerts_undelivered", { n })}</a>
    </div>
  );
}

export function App() {
  const now = useStore(session);
  const speaks = useStore(language);
  const looks = useStore(theme);
  const isLive = useStore(fresh);
  const showsHelp = useStore(help);
  const at = useRoute();
  const [menu, setMenu] = useState(false);
  const main = useRef<HTMLElement>(null);
  const page = now.state === "open" && at.page === "overview" && !may("read") ? firstPage() : at.page;
  const place = page + "/" + at.args.join("/");
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    setMenu(false);
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [place]);
  const Shown: ComponentType = pageOf(page)?.shown ?? Nowhere;
  const needed = scopesOf(page);
  useEffect(() => {
    const name = pageOf(page)?.title;
    document.title = (at.args.length > 0 ? isolated(at.args[at.args.length - 1]!) + " · " : "") + (name ? t(name) + " · " : "") + "notifyd";
  }, [place, speaks]);
  const tools = (
    <span class="tools">
      <button type="button" class="plain" lang={speaks === "zh" ? "en" : "zh-CN"} onClick={() => speak(speaks === "zh" ? "en" : "zh")}>
        {t("language_switch")}
      </button>
      <button type="button" class="plain" aria-label={t("theme_switch", { theme: looks === "dark" ? t("theme_light") : t("theme_dark") })} onClick={turn}>
        <Icon name={looks === "dark" ? "sun" : "moon"} />
      </button>
    </span>
  );
  if (now.state !== "open")
    return (
      <div class="alone">
        <header class="top">
          <span class="brand">notifyd</span>
          {tools}
        </header>
        <Down />
        <main>{now.state === "login" ? <Login session={now} /> : now.problem ? <Fault problem={now.problem} /> : <p class="faint">{t("loading")}</p>}</main>
        <Toast />
      </div>
    );
  return (
    <div class={"app" + (menu ? " menu-open" : "")}>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>
        {t("skip")}
      </a>
      <header class="top">
        <button type="button" class="plain menu" aria-label={t("menu")} aria-expanded={menu} aria-controls="nav" onClick={() => setMenu(!menu)}>
          <Icon name="menu" />
        </button>
        <a class="brand" href={href(firstPage())}>
          notifyd
        </a>
        <span class={"pulse" + (isLive ? " on" : "")} role="status">{isLive ? t("live_on") : t("live_waits")}</span>
        <Spaces />
        <Search />
        <Who />
        <button type="button" class="plain help" aria-label={t("keys_help")} onClick={() => help.set(true)}>
          ?
        </button>
        {tools}
      </header>
      <WatchAlerts />
      <Navigation page={page} close={() => setMenu(false)} />
      <main ref={main} id="main" tabIndex={-1}>
        <Down />
        <Undelivered />
        {needed.length === 0 || may(...needed) ? <Shown key={place + space()} /> : <NotYours page={page} />}
      </main>
      {showsHelp ? <Help /> : null}
      <Toast />
    </div>
  );
}
