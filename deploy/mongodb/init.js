// Makes a new MongoDB a replica set of one member, and the accounts. mongosh runs it beside the
// server: until there is an account, MongoDB takes such orders from its own machine alone. It may
// run again at any time, and then gives the accounts the passwords that are in the files now.
const { readFileSync } = require("fs");

const folder = process.env.SECRETS || "/run/secrets";
const secret = (name) => readFileSync(`${folder}/${name}`, "utf8").trim();
const host = process.env.MEMBER || "mongodb:27017";
const admin = db.getSiblingDB("admin");
const owner = secret("mongodb_admin_password");

// Who has logged in already is let in again; nobody has at the first time.
const logIn = () => {
  try {
    return admin.auth("admin", owner).ok === 1;
  } catch (error) {
    return false;
  }
};

if (!logIn()) {
  try {
    rs.initiate({ _id: "daemun", members: [{ _id: 0, host }] });
  } catch (error) {
    // 23: it was initiated before, by a run that did not come to its end.
    if (error.code !== 23) throw error;
  }
  for (let tries = 0; !admin.hello().isWritablePrimary; tries++) {
    if (tries === 300) throw new Error("no primary after a minute");
    sleep(200);
  }
  admin.createUser({ user: "admin", pwd: owner, roles: ["root"] });
  if (!logIn()) throw new Error("the new account `admin` cannot log in");
}

// What Daemun may do: write its own database, and see the server's settings.
const account = {
  pwd: secret("mongodb_password"),
  roles: ["readWrite", { role: "clusterMonitor", db: "admin" }],
};
const own = db.getSiblingDB("daemun");
if (own.getUser("daemun")) {
  own.updateUser("daemun", account);
} else {
  own.createUser({ user: "daemun", ...account });
}
print("MongoDB is ready for Daemun");
