// Lists that the broker gives by name, and that are sorted here by what hurts: what may be said of them while not all are there, and how to find others.
import { useState } from "preact/hooks";
import { count } from "./format";
import type { Pages } from "./pages";
import { setQuery, useRoute } from "./route";
import { t } from "./text";
import { Empty, Name } from "./ui";

const kOne = "prefix"; // in the page's address, as in the API's query

/// What names begin with, by the page's address.
export const usePrefix = (): string => useRoute().query.get(kOne) ?? "";

/// `&prefix=`, or nothing.
export const prefixQuery = (prefix: string): string => (prefix ? `&${kOne}=${encodeURIComponent(prefix)}` : "");

/// Asks how names begin, where there are more than were loaded, or somebody asked before; and says that only those that are there are sorted.
export function Begins<T>({ pages }: { pages: Pages<T> }) {
  const prefix = usePrefix();
  const [text, setText] = useState(prefix);
  if (pages.more === null && prefix === "") return null;
  return (
    <>
      <form
        class="add-filter begins"
        onSubmit={(event) => {
          event.preventDefault();
          setQuery({ [kOne]: text.trim() || null }, false);
        }}
      >
        <input aria-label={t("begins_with")} placeholder={t("begins_with")} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <button type="submit">{t("find")}</button>
      </form>
      {pages.more !== null && pages.rows.length > 0 ? <p class="hint" role="status">{t("sorted_part", { n: count(pages.rows.length) })}</p> : null}
    </>
  );
}

export const BeginsNone = ({ prefix }: { prefix: string }) => (
  <Empty title={t("begins_none")}>
    <Name>{prefix}</Name>
  </Empty>
);
