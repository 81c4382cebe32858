import "./style.css";
import { render } from "preact";
import { beginAsking, findOut } from "./api";
import { App } from "./shell";
import { begin } from "./live";

render(<App />, document.getElementById("app")!);
begin();
beginAsking();
void findOut();
