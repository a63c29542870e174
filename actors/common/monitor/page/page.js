//  page - shows the state as it comes.

const token = new URLSearchParams(location.search).get("token");
const url = new URL("/api/events", location.href);
url.protocol = url.protocol.replace("http", "ws");
if (token) url.searchParams.set("token", token);
new WebSocket(url).onmessage = event => {
    const frame = JSON.parse(event.data);
    if (frame.type === "state") document.getElementById("state").textContent = JSON.stringify(frame, null, 2);
};
