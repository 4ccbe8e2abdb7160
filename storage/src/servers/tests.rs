mod ending;
mod mariadb;
mod others;
