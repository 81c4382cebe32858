import { useState } from "preact/hooks";
import { Problem, logIn, type Session } from "../api";
import { t } from "../text";
import { Code } from "../ui";

export function Login({ session }: { session: Extract<Session, { state: "login" }> }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [down, setDown] = useState(false);
  const go = async () => {
    setBusy(true);
    setDown(false);
    try {
      await logIn(text);
    } catch (error) {
      setDown(error instanceof Problem && error.status === 0);
    } finally {
      setBusy(false);
    }
  };
  const bad = session.why !== "asked" && session.why !== "ended";
  return (
    <form
      class="login panel"
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
    >
      <h1>{t("login_title")}</h1>
      <p class={bad ? "bad-text" : ""} role={bad ? "alert" : undefined} data-why={session.why}>
        {down ? t("login_none") : t(`login_${session.why}`)}
      </p>
      {bad && session.detail ? (
        <p class="faint">
          <bdi>{session.detail}</bdi>
        </p>
      ) : null}
      <label class="field">
        <span>{t("login_token")}</span>
        <input type="password" name="token" autocomplete="off" spellcheck={false} autoFocus value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <small>{t("login_keep")}</small>
      </label>
      <button type="submit" class="main" disabled={busy || text.trim() === ""}>
        {t("login_go")}
      </button>
      <details>
        <summary>{t("login_make")}</summary>
        <Code>notifyctl token create --namespaces default --scopes read,read_bodies,operate</Code>
      </details>
    </form>
  );
}
