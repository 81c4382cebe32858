// Submit a notify by hand.
import { useState } from "preact/hooks";
import { ask, space, spaced } from "../api";
import { submitOf } from "../commands";
import { parseData } from "../json";
import { go, href } from "../route";
import { t } from "../text";
import { Code, Field, Form, Panel, Title } from "../ui";

export function Submit() {
  const [url, setUrl] = useState("http://127.0.0.1:9100/orders");
  const [data, setData] = useState('{"order":1}');
  const [mode, setMode] = useState("concurrent");
  const [lane, setLane] = useState("");
  const [delay, setDelay] = useState("");
  const [fkey, setFkey] = useState("");
  const fields: Record<string, unknown> = { url };
  let fault = "";
  if (data.trim() !== "") {
    try {
      fields.data = parseData(data);
    } catch (error) {
      fault = String(error);
    }
  }
  if (mode !== "concurrent") fields.mode = mode;
  if (lane.trim() !== "") fields.lane = lane.trim();
  if (fkey.trim() !== "") fields.fkey = fkey.trim();
  if (delay.trim() !== "") fields.delay_ms = Math.round(Number(delay) * 1000);
  const send = async () => {
    if (fault) return fault;
    const answer = await ask<{ id: string }>("POST", spaced("/v1/notifies"), { body: fields });
    go(href("notify", [answer.body.id]));
  };
  return (
    <>
      <Title>{t("submit_title")}</Title>
      <div class="columns">
        <Form classes="panel" label={t("submit_go")} send={send}>
          <Field label={t("f_url")}>
            <input required value={url} spellcheck={false} onInput={(event) => setUrl(event.currentTarget.value)} />
          </Field>
          <Field label={t("f_data")} hint={t("submit_data_hint")}>
            <textarea rows={6} spellcheck={false} value={data} onInput={(event) => setData(event.currentTarget.value)} />
          </Field>
          <Field label={t("f_mode")}>
            <select value={mode} onChange={(event) => setMode(event.currentTarget.value)}>
              <option value="concurrent">{t("mode_concurrent")}</option>
              <option value="fifo">{t("mode_fifo")}</option>
            </select>
          </Field>
          <Field label={t("f_lane")} hint={t("submit_lane_hint")}>
            <input value={lane} onInput={(event) => setLane(event.currentTarget.value)} />
          </Field>
          <Field label={t("change_delay")} hint={t("submit_delay_hint")}>
            <input inputMode="decimal" value={delay} onInput={(event) => setDelay(event.currentTarget.value)} />
          </Field>
          <Field label={t("f_fkey")} hint={t("submit_fkey_hint")}>
            <input value={fkey} onInput={(event) => setFkey(event.currentTarget.value)} />
          </Field>
        </Form>
        <Panel title={t("as_command")}>
          {fault ? <p class="faint">{fault}</p> : <Code>{submitOf(fields, space())}</Code>}
        </Panel>
      </div>
    </>
  );
}
